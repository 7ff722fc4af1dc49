/* verdict.h - why a transaction is refused: one fixed number, one name.
 *
 * The numbers are in order of precedence: of several broken rules in one
 * operation the lowest number is told.  They are RPC error codes and never
 * change: 100 envelope, 200 signatures, 300 parties, 400 security, 500 dates,
 * 600 quantities, 700 caps, 800 validators. */
#ifndef LEDGER_VERDICT_H
#define LEDGER_VERDICT_H

#define VERDICT_LIST(X)                                                       \
    X(V_OK, 0, "OK", "the transaction takes effect")                          \
    X(V_MALFORMED, 100, "E_MALFORMED", "an operation's bytes are not valid")  \
    X(V_CHAIN, 101, "E_CHAIN", "the transaction is for another chain")        \
    X(V_EXPIRED,                                                              \
      102,                                                                    \
      "E_EXPIRED",                                                            \
      "its last day of validity, or its reference day's window, has passed")  \
    X(V_WINDOW,                                                               \
      103,                                                                    \
      "E_WINDOW",                                                             \
      "reference day or valid_until is further ahead than 30 days allow")     \
    X(V_DUPLICATE_SERIAL,                                                     \
      104,                                                                    \
      "E_DUPLICATE_SERIAL",                                                   \
      "the institution has used this reference before")                       \
    X(V_ORDER,                                                                \
      105,                                                                    \
      "E_ORDER",                                                              \
      "court operations stand before all others in a block")                  \
    X(V_DUE,                                                                  \
      106,                                                                    \
      "E_DUE",                                                                \
      "due work of the day must be done first; it will be tried again")       \
    X(V_SIG_MISSING, 200, "E_SIG_MISSING", "a needed signature is missing")   \
    X(V_SIG_INVALID,                                                          \
      201,                                                                    \
      "E_SIG_INVALID",                                                        \
      "a signature is wrong, foreign to its signer, or not needed")           \
    X(V_KEY_REVOKED, 202, "E_KEY_REVOKED", "the signing key was revoked")     \
    X(V_UNKNOWN,                                                              \
      300,                                                                    \
      "E_UNKNOWN",                                                            \
      "an account, security, institution, pledge or freeze does not exist")   \
    X(V_ROLE, 301, "E_ROLE", "the institution does not have the needed role") \
    X(V_NOT_REGISTRAR,                                                        \
      302,                                                                    \
      "E_NOT_REGISTRAR",                                                      \
      "the institution is not the registrar of this security")                \
    X(V_ACCOUNT_STATE,                                                        \
      303,                                                                    \
      "E_ACCOUNT_STATE",                                                      \
      "the account's state does not allow it")                                \
    X(V_ACCOUNT_UNCONFIRMED,                                                  \
      304,                                                                    \
      "E_ACCOUNT_UNCONFIRMED",                                                \
      "the holder's title is not confirmed")                                  \
    X(V_SELF, 305, "E_SELF", "both sides are the same account")               \
    X(V_DUPLICATE_SUBJECT,                                                    \
      306,                                                                    \
      "E_DUPLICATE_SUBJECT",                                                  \
      "this person or company has an account already")                        \
    X(V_EXISTS, 307, "E_EXISTS", "the number or code is taken")               \
    X(V_POLICY,                                                               \
      308,                                                                    \
      "E_POLICY",                                                             \
      "the keys, the identity or the security's parameters are not valid")    \
    X(V_PLEDGE_OWN_SHARES,                                                    \
      309,                                                                    \
      "E_PLEDGE_OWN_SHARES",                                                  \
      "an issuer cannot take its own shares in pledge")                       \
    X(V_FREEZE_AUTHORITY,                                                     \
      310,                                                                    \
      "E_FREEZE_AUTHORITY",                                                   \
      "only the ordering authority or its superior may do this")              \
    X(V_LOOK_THROUGH,                                                         \
      311,                                                                    \
      "E_LOOK_THROUGH",                                                       \
      "the pooled vehicle has not declared its final investors")              \
    X(V_NOT_QUALIFIED,                                                        \
      312,                                                                    \
      "E_NOT_QUALIFIED",                                                      \
      "the account is not qualified for this security")                       \
    X(V_QUALIFICATION_EXPIRED,                                                \
      313,                                                                    \
      "E_QUALIFICATION_EXPIRED",                                              \
      "the qualification does not cover this day")                            \
    X(V_PLEDGEE_CONSENT,                                                      \
      314,                                                                    \
      "E_PLEDGEE_CONSENT",                                                    \
      "the pledgee has not consented with a statement of the proceeds")       \
    X(V_RESTRICTED,                                                           \
      315,                                                                    \
      "E_RESTRICTED",                                                         \
      "the articles demand the company's consent, which is not cited")        \
    X(V_NOT_EMPTY,                                                            \
      316,                                                                    \
      "E_NOT_EMPTY",                                                          \
      "positions, rights or entries are left")                                \
    X(V_RECOVERY,                                                             \
      317,                                                                    \
      "E_RECOVERY",                                                           \
      "a recovery of the account's keys is pending, or none is")              \
    X(V_SECURITY_STATE,                                                       \
      400,                                                                    \
      "E_SECURITY_STATE",                                                     \
      "the security's state does not allow it")                               \
    X(V_SUSPENDED, 401, "E_SUSPENDED", "the security is suspended")           \
    X(V_WITHDRAWN, 402, "E_WITHDRAWN", "the security has left the register")  \
    X(V_LINES_ORDER,                                                          \
      403,                                                                    \
      "E_LINES_ORDER",                                                        \
      "register lines must follow one another without a gap")                 \
    X(V_REGISTER_CLOSED,                                                      \
      404,                                                                    \
      "E_REGISTER_CLOSED",                                                    \
      "the register is closed before a meeting or a dividend base date")      \
    X(V_PLEDGE_STATE,                                                         \
      405,                                                                    \
      "E_PLEDGE_STATE",                                                       \
      "the pledge's state does not allow it")                                 \
    X(V_CLAIM_STATE, 406, "E_CLAIM_STATE", "the claim is settled")            \
    X(V_CALENDAR,                                                             \
      500,                                                                    \
      "E_CALENDAR",                                                           \
      "the trading calendar has no entry for a needed year")                  \
    X(V_DATE, 501, "E_DATE", "a date or time is not possible here")           \
    X(V_T5, 502, "E_T5", "too few trading days between buying and selling")   \
    X(V_FREEZE_TERM,                                                          \
      503,                                                                    \
      "E_FREEZE_TERM",                                                        \
      "a freeze ends after today and lasts three years at most")              \
    X(V_FREEZE_LAPSED, 504, "E_FREEZE_LAPSED", "the freeze has ended")        \
    X(V_INSIDER_HALF_YEAR,                                                    \
      505,                                                                    \
      "E_INSIDER_HALF_YEAR",                                                  \
      "an officer who left sells nothing for half a year")                    \
    X(V_QUANTITY, 600, "E_QUANTITY", "a quantity is zero or too large")       \
    X(V_AVAILABLE, 601, "E_AVAILABLE", "too few shares are available")        \
    X(V_PLEDGED, 602, "E_PLEDGED", "the shares are pledged")                  \
    X(V_FROZEN, 603, "E_FROZEN", "the shares are frozen")                     \
    X(V_LOCKED, 604, "E_LOCKED", "the shares are locked")                     \
    X(V_PLEDGE_OVER,                                                          \
      605,                                                                    \
      "E_PLEDGE_OVER",                                                        \
      "the quantity is not below what is outstanding under the pledge")       \
    X(V_PLEDGE_REPEAT,                                                        \
      606,                                                                    \
      "E_PLEDGE_REPEAT",                                                      \
      "the shares are pledged already")                                       \
    X(V_SUM_MISMATCH,                                                         \
      607,                                                                    \
      "E_SUM_MISMATCH",                                                       \
      "the register's lines do not add up to the declared figures")           \
    X(V_ROOT_MISMATCH,                                                        \
      608,                                                                    \
      "E_ROOT_MISMATCH",                                                      \
      "the register's lines are not those whose root was declared")           \
    X(V_DUPLICATE_HOLDER,                                                     \
      609,                                                                    \
      "E_DUPLICATE_HOLDER",                                                   \
      "a holder stands in the register twice")                                \
    X(V_INSIDER_QUOTA,                                                        \
      610,                                                                    \
      "E_INSIDER_QUOTA",                                                      \
      "an officer sells at most a quarter of the holding a year")             \
    X(V_FORFEITURE,                                                           \
      611,                                                                    \
      "E_FORFEITURE",                                                         \
      "a pledge is enforced by an agreement made after default, at a price "  \
      "with its basis")                                                       \
    X(V_PAYMENT,                                                              \
      612,                                                                    \
      "E_PAYMENT",                                                            \
      "a trade needs a price and a payment reference")                        \
    X(V_CORRECTION_UNRECOVERABLE,                                             \
      613,                                                                    \
      "E_CORRECTION_UNRECOVERABLE",                                           \
      "the shares are not there any more and no claim is asked for")          \
    X(V_HOLDER_CAP,                                                           \
      700,                                                                    \
      "E_HOLDER_CAP",                                                         \
      "the security would have more holders than its cap")                    \
    X(V_LIMIT, 701, "E_LIMIT", "a limit of this ledger would be exceeded")    \
    X(V_EPOCH,                                                                \
      800,                                                                    \
      "E_EPOCH",                                                              \
      "the validators change once a block; it will be tried again")           \
    X(V_VALIDATOR,                                                            \
      801,                                                                    \
      "E_VALIDATOR",                                                          \
      "the key is in the set of validators, or named twice")                  \
    X(V_NOT_READY,                                                            \
      802,                                                                    \
      "E_NOT_READY",                                                          \
      "the joining validator has not said lately that it is ready")           \
    X(V_CHANGE_SIZE,                                                          \
      803,                                                                    \
      "E_CHANGE_SIZE",                                                        \
      "no validator, or more than may at once, would join or leave")          \
    X(V_VALIDATOR_COUNT,                                                      \
      804,                                                                    \
      "E_VALIDATOR_COUNT",                                                    \
      "there would be too few validators or too many")                        \
    X(V_VALIDATOR_TWICE,                                                      \
      805,                                                                    \
      "E_VALIDATOR_TWICE",                                                    \
      "two validators would have one institution or one transport key")       \
    X(V_MARGIN,                                                               \
      806,                                                                    \
      "E_MARGIN",                                                             \
      "too few validators would be left for a quorum while some are down")    \
    X(V_EVIDENCE,                                                             \
      807,                                                                    \
      "E_EVIDENCE",                                                           \
      "the two votes do not exclude each other")                              \
    X(V_PARAMS, 808, "E_PARAMS", "a parameter is out of its range")

enum verdict {
#define VERDICT_ENUM(id, number, name, text) id = (number),
    VERDICT_LIST(VERDICT_ENUM)
#undef VERDICT_ENUM
};

/* Both accept any number and return a static string: "E_AVAILABLE" and one
 * plain sentence. */
const char *verdict_name(enum verdict v);
const char *verdict_text(enum verdict v);

/* All verdicts in order of precedence, V_OK first. */
extern const enum verdict verdict_all[];
extern const unsigned verdict_count;

#endif /* LEDGER_VERDICT_H */
