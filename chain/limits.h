/* limits.h - the largest of everything, and how the limits fit together. */
#ifndef CHAIN_LIMITS_H
#define CHAIN_LIMITS_H

enum {
    VALIDATORS_MAX = 32,
    INSTITUTIONS_MAX = 256, /* in a genesis */
    TX_BYTES_MAX = 65536,
    TX_OPS_MAX = 64,
    TX_PRINCIPALS_MAX = 72,
    TX_SIGS_MAX = 160,
    TX_ROWS_MAX = 1024, /* lines of all list-carrying operations together */
    TX_WINDOW_DAYS = 30,
    BLOCK_TXS_MAX = 2000,
    BLOCK_BODY_BYTES_MAX = 1 << 20,
    SERIAL_BYTES = 12,
    SALT_BYTES = 16,
    CODE_MAX = 16, /* characters of an institution, security or other code */
};

#endif /* CHAIN_LIMITS_H */
