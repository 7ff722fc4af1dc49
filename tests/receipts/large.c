/* Writes the receipt of a register of many lines, and its trust file.
 *
 *   large LINES DIR    DIR/large.bin, DIR/large-trust.json */
#include "audit/verify.h"
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "ledger/ledger.h"
#include "tests/receipts/rig.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    EIGHT_HOURS_MS = 28800000,
};

static struct bytes encode(uint8_t *at, const struct schema *s, const void *row)
{
    struct writer w = writer_of(at, ROW_BYTES_MAX);

    schema_encode(&w, s, row);
    ASSERT(writer_ok(&w));
    return writer_bytes(&w);
}

static void load(struct state *s,
                 uint8_t table,
                 const struct hash *tree,
                 const struct hash *key,
                 struct bytes row)
{
    const struct row_key k = {.table = table, .tree = *tree, .key = *key};
    const enum err e = state_load(s, &k, row);

    ASSERT(e == ERR_NONE);
}

/* Every tenth holding is pledged, every seventh of these frozen besides. */
static void fill(struct state *s, uint64_t lines)
{
    static const struct hash zero;
    static struct security_row x = {.code = "LARGE",
                                    .class = CLASS_ORDINARY,
                                    .status = SECURITY_LISTED,
                                    .registrar = 1,
                                    .successor = "-",
                                    .predecessor = "-"};
    static struct holding_row h;
    uint8_t row[ROW_BYTES_MAX];
    const struct hash tree = security_key(x.code);

    for (uint64_t i = 0; i < lines; i++) {
        const struct hash account = hash_of(bytes_of(&i, sizeof i));
        const uint64_t shares = 1 + i * i % 7919 * 1013;
        struct segment *one = &h.segments[0];

        h = (struct holding_row){.kind = ACCOUNT_ORDINARY,
                                 .held = true,
                                 .weight = 1,
                                 .segment_count = 1,
                                 .sequence = 1,
                                 .chain = account};
        one->quantity.shares = shares;
        if (i % 10 == 0) {
            one->pledge_count = 1;
            one->pledges[0].number = i + 1;
            x.pledged.shares += shares;
        }
        if (i % 70 == 0) {
            one->freeze = i + 1;
            h.freeze_count = 1;
            h.freezes[0] = (struct holding_freeze){
                .number = i + 1, .rank_ms = 1, .effective = {shares}};
            x.frozen.shares += shares;
        }
        x.issued.shares += shares;
        x.positions++;
        x.holder_count++;
        load(s,
             TABLE_HOLDINGS,
             &tree,
             &account,
             encode(row, &holding_row_schema, &h));
    }
    load(s,
         TABLE_SECURITIES,
         &zero,
         &tree,
         encode(row, &security_row_schema, &x));
}

static FILE *create(const char *dir, const char *name)
{
    char path[512];
    FILE *out;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        exit(1);
    }
    return out;
}

static struct receipt *prove(struct rig *g, struct state *s, struct buf *lines)
{
    struct receipt *r = calloc(1, sizeof *r);
    struct header h = g->blocks[1].header;
    enum err e;

    ASSERT(r != NULL);
    rig_frame(g, r, RECEIPT_REGISTER, 1, 0);
    h.state_root = state_root(s);
    r->block.header = rig_header_bytes(g, &h);
    r->block.cert = rig_cert(g, &h, h.view, &g->sets[0], 7);
    e = receipt_take_security(&r->of.reg.security, s, "LARGE");
    ASSERT(e == ERR_NONE);
    receipt_take_lines(&r->of.reg.lines, lines, s, "LARGE");
    return r;
}

int main(int argc, char **argv)
{
    struct rig *g;
    struct state *s = state_new();
    struct trust trust;
    struct receipt *r;
    struct buf lines = {0};
    struct buf bytes = {0};
    uint64_t count;
    bool ok;
    FILE *out;
    enum err e;

    if (argc != 3 || !num_parse_u64(&count, argv[1])) {
        (void)fprintf(stderr, "large LINES DIR\n");
        return 64;
    }
    g = rig_new(0);
    rig_second(g);
    rig_second(g);
    trust = rig_trust(g, 0);
    trust.offset_ms = EIGHT_HOURS_MS;
    fill(s, count);
    r = prove(g, s, &lines);
    e = receipt_encode(&bytes, r);
    ASSERT(e == ERR_NONE);
    out = create(argv[2], "large-trust.json");
    ok = trust_write(out, &trust);
    ok = fclose(out) == 0 && ok;
    out = create(argv[2], "large.bin");
    ok = fwrite(bytes.at, 1, bytes.size, out) == bytes.size && ok;
    ok = fclose(out) == 0 && ok;
    buf_deinit(&bytes);
    buf_deinit(&lines);
    free(r);
    state_free(s);
    rig_free(g);
    return ok ? 0 : 1;
}
