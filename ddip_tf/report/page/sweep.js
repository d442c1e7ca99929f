/* The page of a sweep: its pictures are there already. */

ready();
