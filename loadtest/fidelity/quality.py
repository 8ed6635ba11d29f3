"""How alike two pictures are, by their luma. Pure."""

import numpy as np

from loadtest.fidelity.marks import Luma

BLOCK = 8
BEST_PSNR_DB = 60.0  # of pictures that are the same, for which there is no number
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr_db(picture: Luma, source: Luma) -> float:
    """Peak signal-to-noise ratio; at most BEST_PSNR_DB."""
    error = float(((picture.astype(np.float64) - source) ** 2).mean())
    return BEST_PSNR_DB if error == 0 else min(BEST_PSNR_DB, 10 * float(np.log10(255**2 / error)))


def ssim(picture: Luma, source: Luma) -> float:
    """Structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004), over blocks of 8 by 8 instead of a
    sliding window: 1 for the same picture.
    """
    one, other = _blocks(picture), _blocks(source)
    mean_one, mean_other = one.mean(axis=1), other.mean(axis=1)
    covariance = (one * other).mean(axis=1) - mean_one * mean_other
    variances = one.var(axis=1) + other.var(axis=1)
    alike = (2 * mean_one * mean_other + _C1) * (2 * covariance + _C2)
    return float((alike / ((mean_one**2 + mean_other**2 + _C1) * (variances + _C2))).mean())


def _blocks(picture: Luma) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    height, width = (size // BLOCK * BLOCK for size in picture.shape)
    rows = picture[:height, :width].astype(np.float64).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return rows.transpose(0, 2, 1, 3).reshape(-1, BLOCK * BLOCK)
