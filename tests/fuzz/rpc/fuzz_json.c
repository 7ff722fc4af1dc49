/* JSON of strangers; a genesis that reads writes and reads back the same. */
#include "base/check.h"
#include "chain/genesis.h"
#include "rpc/schema_json.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    char why[200];
    json_t *json = json_parse(in, why, sizeof why);
    struct genesis *g = malloc(sizeof *g);
    char path[JSON_PATH_MAX];

    ASSERT(g != NULL);
    if (json != NULL &&
        schema_from_json(g, &genesis_schema, json, path) == ERR_NONE) {
        json_t *again = schema_to_json(&genesis_schema, g);
        struct genesis *same = malloc(sizeof *same);

        ASSERT(schema_from_json(same, &genesis_schema, again, path) ==
               ERR_NONE);
        ASSERT(memcmp(g, same, sizeof *g) == 0);
        free(same);
        json_decref(again);
    }
    free(g);
    json_decref(json);
    return 0;
}
