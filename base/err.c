#include "base/err.h"

const char *err_name(enum err e)
{
    switch (e) { /* no default: the compiler reports a missing case */
#define ERR_CASE(name, number, text) \
    case name:                       \
        return #name;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    }
    return "ERR_UNKNOWN";
}

const char *err_text(enum err e)
{
    switch (e) {
#define ERR_CASE(name, number, text) \
    case name:                       \
        return text;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    }
    return "unknown error";
}
