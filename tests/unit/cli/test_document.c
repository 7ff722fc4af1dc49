/* equity document with a vault: its names, and what it may not contradict.  Of
 * a golden receipt, whose holder is disclosed in it. */
#include "audit/verify.h"
#include "base/check.h"
#include "cli/document.h"
#include "cli/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RECEIPT "tests/vectors/receipts/unencumbered.bin"
#define TRUST   "tests/vectors/receipts/trust.json"

static const struct secret key = {{1, 2, 3}};
static char dir[64];
static char path_text[5][96];
static struct receipt_facts facts;

static char *path_of(int i, const char *name)
{
    (void)snprintf(path_text[i], sizeof path_text[i], "%s/%s", dir, name);
    return path_text[i];
}

static void learn_facts(void)
{
    static struct receipt r;
    static struct trust t;
    struct buf file = {0};

    assert_int_equal(trust_from_file(&t, TRUST), 0);
    assert_int_equal(read_file(&file, RECEIPT, RECEIPT_BYTES_MAX), 0);
    receipt_check(&facts, &r, buf_bytes(&file), &t);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
    buf_deinit(&file);
}

static int make(void **state)
{
    const struct keystore_info info = {.kind = KEYSTORE_AES256,
                                       .label = "vault"};
    FILE *f;

    (void)state;
    learn_facts();
    (void)snprintf(dir, sizeof dir, "/tmp/equity-document-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(
        keystore_write(path_of(0, "v.aes"), &info, &key, "passphrase"),
        ERR_NONE);
    f = fopen(path_of(0, "pass"), "w");
    assert_non_null(f);
    (void)fputs("passphrase\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_text[0], 0600), 0);
    return 0;
}

static int clean(void **state)
{
    static const char *const names[] = {
        "v.aes", "v.eqv", "pass", "out.pdf", "out.json"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(path_of(0, names[i]));
    return rmdir(dir);
}

/* A vault of one entry for the receipt's account. */
static void make_vault(const struct hash *identity)
{
    struct vault_entry e = {.account = facts.account,
                            .identity = *identity,
                            .custodian = 1,
                            .name = "李四",
                            .id_type = "ID"};
    struct vault *v;

    (void)unlink(path_of(0, "v.eqv"));
    assert_int_equal(vault_open(&v, path_text[0], &key), ERR_NONE);
    assert_int_equal(vault_add(v, &e, true), ERR_NONE);
    vault_close(v);
}

static int run(const char *vault)
{
    char receipt[] = RECEIPT;
    char trust[] = TRUST;
    char words[6][20] = {
        "--trust", "--out", "--json", "--vault", "--passphrase-file"};
    char *argv[] = {receipt,
                    words[0],
                    trust,
                    words[1],
                    path_of(0, "out.pdf"),
                    words[2],
                    path_of(1, "out.json"),
                    words[3],
                    path_of(2, vault),
                    words[4],
                    path_of(3, "pass")};

    (void)unlink(path_text[0]);
    (void)unlink(path_text[1]);
    return document_commands[0].run(
        &document_commands[0], ARRAY_LEN(argv), argv);
}

static bool in_json(const char *wanted)
{
    struct buf file = {0};
    bool found;

    assert_int_equal(read_file(&file, path_of(1, "out.json"), 1 << 20), 0);
    buf_append(&file, "", 1);
    found = strstr((const char *)file.at, wanted) != NULL;
    buf_deinit(&file);
    return found;
}

static void test_document_has_the_names_of_the_vault(void **state)
{
    (void)state;
    make_vault(&facts.account_row.identity);
    assert_int_equal(run("v.eqv"), 0);
    assert_int_equal(access(path_of(0, "out.pdf"), F_OK), 0);
    assert_true(in_json("\"name\": \"李四\""));
    assert_true(in_json("not proven by the ledger"));
}

static void test_document_refuses_a_name_that_the_ledger_contradicts(
    void **state)
{
    static const struct hash other = {{1}};

    (void)state;
    make_vault(&other);
    assert_int_equal(run("v.eqv"), EXIT_DATA);
    assert_int_not_equal(access(path_of(0, "out.pdf"), F_OK), 0);
    assert_int_not_equal(access(path_of(0, "out.json"), F_OK), 0);
}

static void test_document_with_a_vault_that_is_not_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(run("w.eqv"), EXIT_NO_INPUT);
    assert_int_equal(run("w"), EXIT_USAGE);
    assert_int_not_equal(access(path_of(0, "out.pdf"), F_OK), 0);
    /* Nor is one made where only its key is. */
    (void)unlink(path_of(0, "v.eqv"));
    assert_int_equal(run("v.eqv"), EXIT_NO_INPUT);
    assert_int_not_equal(access(path_of(0, "v.eqv"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_has_the_names_of_the_vault),
        cmocka_unit_test(
            test_document_refuses_a_name_that_the_ledger_contradicts),
        cmocka_unit_test(test_document_with_a_vault_that_is_not_there_is_none),
    };

    return cmocka_run_group_tests(tests, make, clean);
}
