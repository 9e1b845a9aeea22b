"""What is measured of movies: each figure is exact where the answer is known, and worse where the movie is worse."""

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from training.motion import video_metrics

rng = np.random.default_rng(0)
YS, XS = np.mgrid[:24, :32]


def movie(frames: int = 5, speed: float = 1.0) -> np.ndarray:
    """A smooth pattern that moves to the right."""
    rows = [
        np.stack([np.sin(xs / 4), np.cos(xs / 6 + YS / 5), np.sin((xs + YS) / 7)], -1)
        for xs in (XS - speed * number for number in range(frames))
    ]
    return np.round(127 + 100 * np.stack(rows)).astype(np.uint8)


def flows(frames: int, speed: float) -> np.ndarray:
    rows = np.zeros((frames - 1, *YS.shape, 3))
    rows[..., 0], rows[..., 2] = speed, 1
    return rows


def test_equal_movies_are_perfect() -> None:
    one = movie()
    assert (video_metrics.l1(one, one) == 0).all()
    assert np.isinf(video_metrics.psnr(one, one)).all()
    assert np.allclose(video_metrics.ssim(one, one), 1)
    assert video_metrics.flicker(one, one) == 0
    assert (video_metrics.colour_drift(one, one) == 0).all()


def test_differences_are_exact() -> None:
    grey = np.full((2, 8, 8, 3), 100, np.uint8)
    assert np.allclose(video_metrics.l1(grey + np.uint8(51), grey), 0.2)
    assert np.allclose(video_metrics.psnr(grey + np.uint8(51), grey), -10 * np.log10(0.04))


def test_ssim_falls_by_noise_and_by_blur_more_than_by_brightness() -> None:
    true = movie()
    bright = true + np.uint8(12)
    noisy = (true + rng.normal(0, 12, true.shape)).clip(0, 255).astype(np.uint8)
    values = [video_metrics.ssim(made, true).mean() for made in (bright, noisy)]
    assert 1 > values[0] > 0.95 > values[1] > 0


def test_edges_that_are_blurred_in_places_differ_and_those_of_other_brightness_do_not() -> None:
    true = movie()
    assert np.allclose(video_metrics.gradient_deviation(true + np.uint8(20), true), 0, atol=1e-9)
    blurred = true.copy()
    blurred[0, :, :16] = blurred[0, :, :16].mean(1, keepdims=True)
    found = video_metrics.gradient_deviation(blurred, true)
    assert found[0] > 0.1 and np.allclose(found[1:], 0, atol=1e-9)


def test_a_movie_that_trembles_flickers_and_one_of_other_colours_does_not() -> None:
    true = movie()
    assert video_metrics.flicker(true + np.uint8(20), true) == pytest.approx(0, abs=1e-9)
    trembling = true.copy()
    trembling[1::2] += np.uint8(10)
    assert video_metrics.flicker(trembling, true) == pytest.approx(10 / 255)
    still = np.repeat(true[:1], len(true), 0)
    assert video_metrics.flicker(still, true) == pytest.approx(np.abs(np.diff(true.astype(float), axis=0)).mean() / 255)


def test_what_moves_along_its_flow_does_not_flicker() -> None:
    moving = movie(speed=2)
    assert video_metrics.warped_difference(moving, flows(5, 2)) < 0.01
    assert video_metrics.warped_difference(moving, flows(5, -2)) > 0.05
    trembling = moving.copy()
    trembling[1::2] += np.uint8(20)
    assert video_metrics.warped_difference(trembling, flows(5, 2)) == pytest.approx(20 / 255, abs=0.01)
    nowhere = flows(5, 2)
    nowhere[..., 2] = 0
    with pytest.raises(InputError, match="holds for no pixel"):
        video_metrics.warped_difference(moving, nowhere)


def test_colours_are_those_of_the_standard() -> None:
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    wanted = [[100, 0, 0], [0, 0, 0], [53.2, 80.1, 67.2], [32.3, 79.2, -107.9]]
    assert np.allclose(video_metrics.to_lab(colours), wanted, atol=0.15)


def test_drift_is_of_colour_and_not_of_where_things_are() -> None:
    true = movie()
    turned = true[:, ::-1]
    assert np.allclose(video_metrics.colour_drift(turned, true), 0)
    redder = true.copy()
    for number in range(len(true)):
        redder[number, ..., 0] = np.minimum(redder[number, ..., 0].astype(int) + 5 * number, 255)
    drift = video_metrics.colour_drift(redder, true)
    assert drift[0] == 0 and drift[-1] > 2 and (np.diff(drift) > 0).all()
    assert np.allclose(video_metrics.colour_drift(redder[:1].repeat(3, 0), redder[:1]), 0), "beside one picture"


def test_agreement_tells_following_from_scale_and_from_standing_still() -> None:
    true = np.stack([np.linspace(0, 1, 9), np.linspace(0, 1, 9), np.linspace(0, 1, 9), np.zeros(9)], 1)
    made = np.stack([true[:, 0], 0.5 * true[:, 1], np.full(9, 0.5), np.full(9, 0.1)], 1)
    found = video_metrics.agreement(made, true)
    assert np.allclose(found.r2[:3], [1, 1 - 0.25 * (true[:, 1] ** 2).mean() / true[:, 1].var(), 0])
    assert np.allclose(found.r[:3], [1, 1, 0])
    assert np.isnan(found.r2[3]) and np.isnan(found.r[3]) and found.mae[3] == pytest.approx(0.1)
    assert np.allclose(video_metrics.agreement(np.where(true == 1, np.nan, made), true).r[0], 1), "unread frames"


def test_distance_of_gaussians_is_exact() -> None:
    features = rng.normal(0, 1, (400, 3))
    assert video_metrics.frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert video_metrics.frechet_distance(features + [3, 0, 4], features) == pytest.approx(25, abs=1e-6)
    # Of equal means and one scaled covariance: the trace of (2 - 1)^2 times it.
    wanted = np.trace(np.cov(features, rowvar=False))
    centred = features - features.mean(0)
    assert video_metrics.frechet_distance(2 * centred, centred) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: video_metrics.l1(m, m[:3]), "5 frames of 32 x 24 pixels cannot be compared with one of 3 frames"),
        (lambda m: video_metrics.ssim(m, m[:, :20]), "the same size"),
        (lambda m: video_metrics.colour_drift(m, m[:1, :20]), "the same size"),
        (lambda m: video_metrics.flicker(m[:1], m[:1]), "one frame"),
        (lambda m: video_metrics.warped_difference(m, flows(6, 1)), "one row less"),
        (lambda m: video_metrics.agreement(np.zeros((1, 2)), np.zeros((1, 2))), "Fewer than two frames"),
        (lambda m: video_metrics.agreement(np.zeros((5, 2)), np.zeros((5, 3))), "cannot be compared"),
        (lambda m: video_metrics.frechet_distance(np.zeros((1, 2)), np.zeros((4, 2))), "two pictures or more"),
    ],
)
def test_what_cannot_be_measured_is_said(call, said) -> None:
    with pytest.raises(InputError, match=said):
        call(movie())
