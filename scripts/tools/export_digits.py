"""Write src/diehlcook/data/digits.npz, the embedded data set, from scikit-learn's copy.

The file holds the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI
Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0): 1,797 images of 8x8 blocks
with 0 to 16 dots of ink, unchanged and in the original order, and their labels. Run once; needs scikit-learn:

    python scripts/tools/export_digits.py            # write
    python scripts/tools/export_digits.py --check    # compare the arrays with those of the file
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[2] / "src" / "diehlcook" / "data" / "digits.npz"
SOURCE = (
    "E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten Digits, test part, UCI Machine Learning "
    "Repository, 1998, doi:10.24432/C50P49, CC BY 4.0; values unchanged, stored as bytes"
)


def digits() -> dict[str, np.ndarray]:
    """Return the arrays of the file: images (1797, 8, 8) and labels (1797,), uint8, and their source."""
    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    if not (np.array_equal(images, bunch.images) and images.shape == (1797, 8, 8) and images.max() == 16):
        sys.exit("scikit-learn's digits have changed: expected 1797 images of 8x8 integers, 0..16")
    return {"images": images, "labels": labels, "source": np.array(SOURCE)}


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Return an .npz file without a time stamp, so that equal arrays give equal bytes (for one zlib)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue(), compresslevel=9)
    return file.getvalue()


def main() -> None:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description="Export scikit-learn's digits as package data.")
    parser.add_argument("--check", action="store_true", help="only compare with the file that is there")
    arrays = digits()
    if parser.parse_args().check:
        with np.load(TARGET, allow_pickle=False) as stored:
            equal = set(stored.files) == set(arrays) and all(
                np.array_equal(stored[k], arrays[k]) for k in arrays
            )
        sys.exit(0 if equal else f"{TARGET}: not what scikit-learn has; run this without --check")
    TARGET.write_bytes(npz_bytes(arrays))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
