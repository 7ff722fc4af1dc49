/* rpc.discover: the OpenRPC document, from the method and operation tables. */
#include "ledger/event.h"
#include "ledger/ops.h"
#include "rpc/jsonrpc.h"
#include "rpc/schema_json.h"

#include <stdio.h>

static json_t *param_type(const struct rpc_param *p)
{
    switch (p->kind) {
    case PARAM_U64:
        return json_pack("{s:s, s:s}",
                         "type",
                         "string",
                         "pattern",
                         "^(0|[1-9][0-9]{0,19})$");
    case PARAM_HASH:
        return json_pack(
            "{s:s, s:s}", "type", "string", "pattern", "^[0-9a-f]{64}$");
    case PARAM_HEX:
        return json_pack(
            "{s:s, s:s}", "type", "string", "pattern", "^([0-9a-f]{2})+$");
    case PARAM_CODE:
        return json_pack(
            "{s:s, s:s}", "type", "string", "pattern", "^[A-Z0-9.-]{1,16}$");
    case PARAM_CURSOR:
        return json_pack(
            "{s:s, s:s}", "type", "string", "pattern", "^[0-9]+\\.[0-9]+$");
    case PARAM_DATE:
        return json_pack("{s:s, s:s}", "type", "string", "format", "date");
    }
    return json_object();
}

static json_t *method_json(const struct rpc_method *m)
{
    json_t *params = json_array();

    for (int i = 0; i < RPC_PARAMS_MAX && m->params[i].name != NULL; i++)
        json_array_append_new(params,
                              json_pack("{s:s, s:s, s:b, s:o}",
                                        "name",
                                        m->params[i].name,
                                        "description",
                                        m->params[i].help,
                                        "required",
                                        m->params[i].required,
                                        "schema",
                                        param_type(&m->params[i])));
    return json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:s, s:{s:s}}}",
                     "name",
                     m->name,
                     "summary",
                     m->help,
                     "paramStructure",
                     "either",
                     "params",
                     params,
                     "result",
                     "name",
                     "result",
                     "description",
                     m->result,
                     "schema",
                     "type",
                     "object");
}

static json_t *operation_json(const struct op_def *d)
{
    json_t *type = schema_json_type(d->schema);
    json_t *signers = json_array();
    json_t *refusals = json_array();

    for (int i = 0; i < OP_SIGNERS_MAX; i++) {
        if (d->signers[i].who != SIGNER_NONE)
            json_array_append_new(signers, json_string(d->signers[i].text));
    }
    for (int i = 0; i < OP_VERDICTS_MAX && d->verdicts[i] != V_OK; i++)
        json_array_append_new(refusals,
                              json_string(verdict_name(d->verdicts[i])));
    json_object_set_new(type, "x-kind", json_integer(d->kind));
    json_object_set_new(type, "x-signers", signers);
    json_object_set_new(type, "x-filer", json_string(op_filer_texts[d->filer]));
    json_object_set_new(type, "x-refusals", refusals);
    return type;
}

json_t *rpc_openrpc(void)
{
    json_t *methods = json_array();
    json_t *schemas = json_object();
    json_t *verdicts = json_array();

    for (int i = 0; i < RPC_METHODS; i++)
        json_array_append_new(methods, method_json(&rpc_methods[i]));
    for (uint32_t i = 0; i < op_table_count; i++) {
        char name[64];

        snprintf(name, sizeof name, "op_%s", op_table[i]->schema->name);
        json_object_set_new(schemas, name, operation_json(op_table[i]));
    }
    for (uint8_t t = 0; t < TABLES_USED; t++) {
        const struct schema *s = row_schema(t);

        if (s != NULL)
            json_object_set_new(schemas, s->name, schema_json_type(s));
    }
    json_object_set_new(schemas, "event", schema_json_type(&event_schema));
    for (unsigned i = 0; i < verdict_count; i++)
        json_array_append_new(verdicts,
                              json_pack("{s:i, s:s, s:s}",
                                        "number",
                                        (int)verdict_all[i],
                                        "name",
                                        verdict_name(verdict_all[i]),
                                        "text",
                                        verdict_text(verdict_all[i])));
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o}, s:o}",
                     "openrpc",
                     "1.3.2",
                     "info",
                     "title",
                     "equityd",
                     "version",
                     "1",
                     "description",
                     "One register kept by several custody institutions.",
                     "methods",
                     methods,
                     "components",
                     "schemas",
                     schemas,
                     "x-verdicts",
                     verdicts);
}
