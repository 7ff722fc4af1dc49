/* err.h - the one error type of this program.
 *
 * An `enum err` says that an operation could not be carried out: the input,
 * the disk, the network or the configuration is at fault.  Two other things go
 * wrong and are deliberately not errors: a transaction that breaks a rule of
 * the register gets an `enum verdict` (ledger/verdict.h), and a bug in this
 * program is ASSERTed and stops the node.
 *
 * The numbers appear in logs and in RPC replies.  Add at the end; never
 * renumber, never reuse. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_LIST(X)                                                  \
    X(ERR_NONE, 0, "success")                                        \
    X(ERR_NO_MEMORY, 1, "out of memory")                             \
    X(ERR_TRUNCATED, 2, "input ends inside a value")                 \
    X(ERR_TRAILING, 3, "input continues after the value")            \
    X(ERR_RANGE, 4, "value is outside the range its format allows")  \
    X(ERR_VERSION, 5, "format version is not known to this release") \
    X(ERR_CORRUPT, 6, "stored data does not match its checksum")     \
    X(ERR_IO, 7, "operating system reported an I/O error")           \
    X(ERR_NOT_FOUND, 8, "there is no such thing")                    \
    X(ERR_EXISTS, 9, "it exists already")                            \
    X(ERR_LOCKED, 10, "another process holds it")                    \
    X(ERR_PASSPHRASE, 11, "the passphrase is missing or wrong")      \
    X(ERR_FULL, 12, "no room is left")                               \
    X(ERR_SIGNATURE, 13, "a signature does not verify")              \
    X(ERR_CHAIN, 14, "it belongs to another chain")                  \
    X(ERR_CONFIG, 15, "the configuration is not valid")              \
    X(ERR_NETWORK, 16, "the other side cannot be reached")           \
    X(ERR_TIMEOUT, 17, "it took too long")                           \
    X(ERR_ORDER, 18, "values are not in canonical order")            \
    X(ERR_REFUSED, 19, "the other side refused")                     \
    X(ERR_QUORUM, 20, "too few signatures for a quorum")             \
    X(ERR_MISMATCH, 21, "two values that must agree differ")         \
    X(ERR_PRUNED, 22, "it was removed after it had been exported")

enum err {
#define ERR_ENUM(name, number, text) name = (number),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* err_name returns the identifier, for logs: "ERR_TRUNCATED".
 * err_text returns one plain sentence, for people.
 * Both accept any number and return a static string, never NULL. */
const char *err_name(enum err e);
const char *err_text(enum err e);

/* TRY returns the first failure to the caller's caller.  It may stand only
 * where nothing has to be released. */
#define TRY(call)                     \
    do {                              \
        const enum err try_ = (call); \
        if (try_ != ERR_NONE)         \
            return try_;              \
    } while (0)

#endif /* BASE_ERR_H */
