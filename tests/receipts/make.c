/* Writes the receipts of the story, their trust file and what they prove.
 *
 *   make DIR    DIR/trust.json, DIR/NAME.bin, DIR/NAME.json */
#include "audit/report.h"
#include "base/check.h"
#include "tests/receipts/story.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *create(const char *dir, const char *name, const char *type)
{
    char path[512];
    FILE *out;

    (void)snprintf(path, sizeof path, "%s/%s.%s", dir, name, type);
    out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        exit(1);
    }
    return out;
}

static void finish(FILE *out)
{
    if (ferror(out) != 0 || fclose(out) != 0) {
        perror("write");
        exit(1);
    }
}

static bool write_receipt(const struct story *s,
                          const struct story_receipt *x,
                          const char *dir)
{
    static struct receipt again;
    static struct receipt_facts facts;
    struct buf bytes = {0};
    FILE *out;
    enum err e = receipt_encode(&bytes, x->receipt);

    ASSERT(e == ERR_NONE);
    out = create(dir, x->name, "bin");
    (void)fwrite(bytes.at, 1, bytes.size, out);
    finish(out);
    receipt_check(&facts, &again, buf_bytes(&bytes), &s->trust);
    out = create(dir, x->name, "json");
    report_json(out, &facts, &again);
    finish(out);
    if (facts.outcome != RECEIPT_PROVEN)
        fprintf(stderr,
                "%s: %s in %s\n",
                x->name,
                fault_name(facts.fault),
                facts.where);
    printf("%-20s %6zu bytes  %s\n", x->name, bytes.size, x->about);
    buf_deinit(&bytes);
    return facts.outcome == RECEIPT_PROVEN;
}

int main(int argc, char **argv)
{
    struct story *s;
    FILE *out;
    bool ok = true;

    if (argc != 2) {
        fprintf(stderr, "make DIR\n");
        return 64;
    }
    s = story_new();
    out = create(argv[1], "trust", "json");
    ok = trust_write(out, &s->trust);
    finish(out);
    for (uint32_t i = 0; i < s->count; i++)
        ok = write_receipt(s, &s->list[i], argv[1]) && ok;
    story_free(s);
    return ok ? 0 : 1;
}
