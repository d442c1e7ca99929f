"""Sentences about results not to be trusted."""

from dataclasses import replace

import numpy as np
import pytest

from ddip_tf.quality import checks


@pytest.mark.parametrize(("share", "said"), [(0.2, False), (0.5, True)])
def test_what_the_model_leaves_over(separation, share, said):
    images = separation.stack.images
    noise = np.random.default_rng(0).standard_normal(images.shape).astype(np.float32)
    noise *= share * images.std((1, 2), keepdims=True) * np.array([1, 0.1])[:, None, None]
    found = checks.with_warnings(replace(separation, modelled=images - noise, warnings=())).warnings
    sentences = [sentence for sentence in found if "not explained" in sentence]
    assert len(sentences) == said
    assert not said or " % of the contrast of slice 1 is not explained" in sentences[0]
