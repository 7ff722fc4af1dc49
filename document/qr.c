#include "document/qr.h"

#include "base/hex.h"

#include <qrencode.h>
#include <stdio.h>

static void upper(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
    }
}

void qr_text(char out[QR_TEXT_MAX],
             uint8_t kind,
             const struct hash *chain_id,
             uint64_t height,
             const struct hash *digest)
{
    char chain[2 * HASH_BYTES + 1];
    char hash[2 * HASH_BYTES + 1];

    hex_encode(chain, chain_id->raw, HASH_BYTES);
    hex_encode(hash, digest->raw, HASH_BYTES);
    (void)snprintf(out,
                   QR_TEXT_MAX,
                   "equity:receipt/%s/%s/%llu/%s",
                   kind < RECEIPT_KINDS ? receipt_kind_names[kind] : "-",
                   chain,
                   (unsigned long long)height,
                   hash);
    upper(out);
}

bool qr_make(struct qr *out, const char *text)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);

    if (code == NULL)
        return false;
    out->width = (uint32_t)code->width;
    for (uint32_t i = 0; i < out->width * out->width; i++)
        out->dark[i] = code->data[i] & 1;
    QRcode_free(code);
    return true;
}
