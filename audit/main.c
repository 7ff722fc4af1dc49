/* equity-verify - checks one receipt offline: no node, network or database. */
#include "audit/report.h"

#include <errno.h>
#include <stdlib.h>

enum exit_code { /* sysexits.h; see also enum receipt_outcome */
                 EXIT_USAGE = 64,
                 EXIT_NO_INPUT = 66,
                 EXIT_IO = 74,
                 EXIT_TRUST = 78,
};

static const char usage_text[] =
    "usage: equity-verify FILE --trust TRUST.json [--json]\n"
    "\n"
    "Checks a receipt of the ledger offline, and says what it proves, as of\n"
    "when, by whose signatures, and what it does not prove.  FILE may be - "
    "for\n"
    "standard input.  Nothing in FILE is believed: trust begins at a block "
    "that\n"
    "TRUST.json names (docs/FORMAT.md, \"Trust file\").\n"
    "\n"
    "  --trust TRUST.json  the chain and the blocks to trust\n"
    "  --json              one JSON object instead of sentences\n"
    "  --help              this text\n"
    "  --version           the version\n"
    "\n"
    "exit codes:\n"
    "   0  proven\n"
    "  64  wrong usage\n"
    "  65  refuted, or malformed\n"
    "  66  a file cannot be opened\n"
    "  74  a file cannot be read, or the report not written\n"
    "  78  TRUST.json is not valid, or does not name the receipt's first "
    "block\n";

struct options {
    const char *file;
    const char *trust;
    bool json;
};

static int usage(const char *why, const char *what)
{
    (void)fprintf(
        stderr, "equity-verify: %s%s\nTry equity-verify --help.\n", why, what);
    return EXIT_USAGE;
}

/* -1: go on; else the exit code. */
static int parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];

        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            (void)fputs(usage_text, stdout);
            return 0;
        }
        if (strcmp(a, "--version") == 0) {
            (void)printf("equity-verify 1 (receipt format %d)\n",
                         RECEIPT_VERSION);
            return 0;
        }
        if (strcmp(a, "--json") == 0) {
            o->json = true;
        } else if (strcmp(a, "--trust") == 0) {
            if (i + 1 >= argc || o->trust != NULL)
                return usage("--trust takes one file", "");
            o->trust = argv[++i];
        } else if (a[0] == '-' && a[1] != '\0') {
            return usage("unknown option ", a);
        } else if (o->file != NULL) {
            return usage("one receipt at a time", "");
        } else {
            o->file = a;
        }
    }
    if (o->file == NULL || o->trust == NULL)
        return usage("a receipt and --trust TRUST.json are needed", "");
    return -1;
}

/* Reads at most a byte more than max, which is enough to refuse it. */
static int read_file(struct buf *out, const char *path, size_t max)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    bool failed;

    if (in == NULL) {
        (void)fprintf(stderr,
                      "equity-verify: cannot open %s: %s\n",
                      path,
                      strerror(errno));
        return EXIT_NO_INPUT;
    }
    while (out->size <= max) {
        const size_t step = out->size < 65536 ? 65536 : out->size;
        const size_t before = out->size;
        size_t got;

        buf_reserve(out, step);
        got = fread(out->at + before, 1, step, in);
        out->size += got;
        if (got < step)
            break;
    }
    failed = ferror(in) != 0;
    if (failed)
        (void)fprintf(stderr,
                      "equity-verify: cannot read %s: %s\n",
                      path,
                      strerror(errno));
    if (in != stdin)
        (void)fclose(in);
    return failed ? EXIT_IO : 0;
}

static int read_trust(struct trust *out, const char *path)
{
    struct buf in = {0};
    char why[256];
    int code = read_file(&in, path, TRUST_BYTES_MAX);

    if (code == 0 &&
        trust_parse(out, buf_bytes(&in), why, sizeof why) != ERR_NONE) {
        (void)fprintf(
            stderr, "equity-verify: %s is not a trust file: %s\n", path, why);
        code = EXIT_TRUST;
    }
    buf_deinit(&in);
    return code;
}

static int verify(const struct options *o)
{
    static struct trust trust;
    static struct receipt receipt;
    static struct receipt_facts facts;
    struct buf in = {0};
    int code = read_trust(&trust, o->trust);

    if (code == 0)
        code = read_file(&in, o->file, RECEIPT_BYTES_MAX);
    if (code != 0) {
        buf_deinit(&in);
        return code;
    }
    receipt_check(&facts, &receipt, buf_bytes(&in), &trust);
    if (o->json)
        report_json(stdout, &facts, &receipt);
    else
        report_text(stdout, &facts, &receipt);
    buf_deinit(&in);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr,
                      "equity-verify: cannot write the report: %s\n",
                      strerror(errno));
        return EXIT_IO;
    }
    return (int)facts.outcome;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    const int code = parse(&o, argc, argv);

    return code >= 0 ? code : verify(&o);
}
