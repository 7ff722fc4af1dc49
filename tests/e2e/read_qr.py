"""Reads the square codes of a picture: read_qr.py FILE.pgm (binary, 8 bits).

libzbar does the reading; it is called directly, so that no more than the
library need be there.  Prints what each code holds, one a line.
"""
import ctypes
import sys


def read_pgm(path):
    with open(path, "rb") as f:
        data = f.read()
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while not data[end:end + 1].isspace():
            end += 1
        fields.append(data[at:end])
        at = end + 1
    if fields[0] != b"P5" or fields[3] != b"255":
        sys.exit("%s: not a binary PGM of 8 bits" % path)
    return int(fields[1]), int(fields[2]), data[at:]


def main():
    z = ctypes.CDLL("libzbar.so.0")
    for name in ("zbar_image_scanner_create", "zbar_image_create",
                 "zbar_image_first_symbol", "zbar_symbol_next"):
        getattr(z, name).restype = ctypes.c_void_p
    z.zbar_symbol_get_data.restype = ctypes.c_char_p
    width, height, pixels = read_pgm(sys.argv[1])
    image = ctypes.c_void_p(z.zbar_image_create())
    z.zbar_image_set_format(image, ctypes.c_ulong(int.from_bytes(b"Y800", "little")))
    z.zbar_image_set_size(image, width, height)
    z.zbar_image_set_data(image, pixels, ctypes.c_ulong(len(pixels)), None)
    z.zbar_scan_image(ctypes.c_void_p(z.zbar_image_scanner_create()), image)
    symbol = z.zbar_image_first_symbol(image)
    while symbol:
        print(z.zbar_symbol_get_data(ctypes.c_void_p(symbol)).decode())
        symbol = z.zbar_symbol_next(ctypes.c_void_p(symbol))


main()
