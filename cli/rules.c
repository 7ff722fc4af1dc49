/* `equity rules`: the operations and the refusals, from their tables.  The same
 * text stands at the end of docs/RULES.md; `make check-rules` compares. */
#include "cli/cli.h"

#include <stdio.h>

static const struct flag rules_flags[] = {{"json", false, "as JSON"},
                                          {NULL, false, NULL}};

static json_t *strings_of_signers(const struct op_def *d)
{
    json_t *list = json_array();

    for (int i = 0; i < OP_SIGNERS_MAX && d->signers[i].who != SIGNER_NONE; i++)
        json_array_append_new(list, json_string(d->signers[i].text));
    return list;
}

static json_t *strings_of_verdicts(const struct op_def *d)
{
    json_t *list = json_array();

    for (int i = 0; i < OP_VERDICTS_MAX && d->verdicts[i] != V_OK; i++)
        json_array_append_new(list, json_string(verdict_name(d->verdicts[i])));
    return list;
}

static int print_as_json(void)
{
    json_t *operations = json_array();
    json_t *verdicts = json_array();

    for (uint32_t i = 0; i < op_table_count; i++) {
        const struct op_def *d = op_table[i];

        json_array_append_new(operations,
                              json_pack("{s:s, s:s, s:o, s:s, s:b, s:b, s:o}",
                                        "operation",
                                        d->schema->name,
                                        "help",
                                        d->schema->help,
                                        "signers",
                                        strings_of_signers(d),
                                        "filer",
                                        op_filer_texts[d->filer],
                                        "court",
                                        (int)d->is_court,
                                        "document_required",
                                        (int)d->document_required,
                                        "refusals",
                                        strings_of_verdicts(d)));
    }
    for (unsigned i = 0; i < verdict_count; i++)
        json_array_append_new(verdicts,
                              json_pack("{s:i, s:s, s:s}",
                                        "number",
                                        (int)verdict_all[i],
                                        "name",
                                        verdict_name(verdict_all[i]),
                                        "meaning",
                                        verdict_text(verdict_all[i])));
    return print_json(json_pack(
        "{s:o, s:o}", "operations", operations, "verdicts", verdicts));
}

static void print_operation(const struct op_def *d)
{
    printf("| `%s` | %s ", d->schema->name, d->schema->help);
    if (d->is_court)
        printf("*Court operation.* ");
    if (d->document_required)
        printf("*A document is needed.* ");
    if (d->filer != FILER_MAKER)
        printf("*Filed by %s.* ", op_filer_texts[d->filer]);
    printf("| ");
    for (int i = 0; i < OP_SIGNERS_MAX && d->signers[i].who != SIGNER_NONE; i++)
        printf("%s%s", i > 0 ? "; " : "", d->signers[i].text);
    printf(" | ");
    for (int i = 0; i < OP_VERDICTS_MAX && d->verdicts[i] != V_OK; i++)
        printf("%s%s", i > 0 ? " " : "", verdict_name(d->verdicts[i]));
    printf(" |\n");
}

static int run_rules(const struct command *c, int argc, char **argv)
{
    struct args a;
    const int code = args_read(&a, c, argc, argv);

    if (code != 0 || a.words > 0)
        return code != 0 ? code : fail(EXIT_USAGE, "no argument is expected");
    if (args_has(&a, c, "json"))
        return print_as_json();
    printf("| operation | what it does | signers | refusals of its own |\n"
           "|---|---|---|---|\n");
    for (uint32_t i = 0; i < op_table_count; i++)
        print_operation(op_table[i]);
    printf("\n## Refusals\n\n| number | name | meaning |\n|---|---|---|\n");
    for (unsigned i = 0; i < verdict_count; i++)
        printf("| %d | %s | %s |\n",
               (int)verdict_all[i],
               verdict_name(verdict_all[i]),
               verdict_text(verdict_all[i]));
    return 0;
}

const struct command rules_commands[] = {
    {"rules",
     "[flags]",
     "The operations, who signs them, and every refusal.",
     rules_flags,
     run_rules},
    {NULL, NULL, NULL, NULL, NULL},
};
