/* told.h - keeps a record of the refusals that tests got, for make
 * check-verdicts: one line "operation verdict" each, in the file that the
 * environment variable VERDICTS names; nothing without it. */
#ifndef TESTS_MARKET_TOLD_H
#define TESTS_MARKET_TOLD_H

#include "ledger/ledger.h"
#include "ledger/ops.h"

#include <stdio.h>
#include <stdlib.h>

/* The operation that was refused; "-" if the whole transaction was. */
static inline void told(const struct tx *tx,
                        const struct refusal *why,
                        enum verdict v)
{
    static FILE *file;
    const char *path = getenv("VERDICTS");
    const struct op_def *def = NULL;

    if (path == NULL || v == V_OK)
        return;
    if (file == NULL)
        file = fopen(path, "a");
    if (file == NULL)
        return;
    if (why->op_index < tx->op_count)
        def = op_find(tx->ops[why->op_index].at[0]);
    fprintf(file,
            "%s %s\n",
            def != NULL ? def->schema->name : "-",
            verdict_name(v));
    (void)fflush(file);
}

#endif /* TESTS_MARKET_TOLD_H */
