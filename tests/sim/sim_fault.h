/* sim_fault.h - every kind of thing that goes wrong, by name. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum sim_fault {
    FAULT_LOSS,      /* a message is lost */
    FAULT_DUP,       /* it arrives twice */
    FAULT_REORDER,   /* it overtakes another on its link */
    FAULT_DELAY,     /* it takes 100 ms or more */
    FAULT_PARTITION, /* two sides */
    FAULT_ONE_WAY,   /* some are not reached, but are heard */
    FAULT_HOLE,      /* somebody hears nothing about some view */
    FAULT_LARGE,     /* the body comes after the proposal */
    FAULT_GONE,      /* a body is pushed out of memory before it is used */
    FAULT_SLOW_LINK, /* after the heal too, slower than the first timers */
    FAULT_CRASH,     /* of a node or two */
    FAULT_CRASH_ALL,
    FAULT_FORGET,     /* all crash at the heal: nobody knows a transaction */
    FAULT_TARGETED,   /* a crash between write and sync, or sync and send */
    FAULT_LOST,       /* a crash takes what was not synced */
    FAULT_TORN,       /* or leaves a part of it */
    FAULT_DEAD,       /* does not come back at the heal */
    FAULT_SLOW_DISK,  /* syncs take 0.1 to 1.5 s */
    FAULT_SLOW_STORE, /* blocks get to the disk long after votes */
    FAULT_PAUSE,      /* a node stands still and goes on */
    FAULT_CLOCK_JUMP,
    FAULT_CLOCK_DRIFT,
    FAULT_TWINS, /* a second copy of a validator, with its own journal */
    FAULT_SEAL,  /* a crash where an epoch ends */
    BYZ_SILENT,
    BYZ_EQUIVOCATE,
    BYZ_VOTES,       /* for anything seen */
    BYZ_NULLIFY,     /* also while idle */
    BYZ_BAD_BLOCKS,  /* a wrong root */
    BYZ_OLD_PARENTS, /* parents the rules do not allow */
    BYZ_WITHHOLD,    /* proposals, bodies, certificates from some */
    BYZ_REPLAY,      /* old messages again */
    BYZ_GARBAGE,     /* random bytes, valid messages with bytes changed */
    BYZ_LATE,        /* proposals just before the time-out */
    BYZ_FUTURE,      /* votes and proposals far ahead */
    BYZ_EPOCH,       /* votes of other epochs */
    BYZ_CLAIMS,      /* false heights and views in STATUS */
    FAULTS,
    BYZ_FIRST = BYZ_SILENT,
};
extern const char *const sim_fault_names[FAULTS];

#define SIM_BIT(f) ((uint64_t)1 << (f))

bool sim_fault_find(enum sim_fault *out, const char *name);

/* Something that happens at a time. */
enum {
    SIM_PLAN_MAX = 512,
};
struct sim_step {
    uint64_t at; /* us */
    enum sim_fault fault;
    uint8_t node;
    uint32_t mask;  /* FAULT_PARTITION, FAULT_ONE_WAY: of nodes */
    int64_t arg;    /* ms, ppm */
    uint64_t lasts; /* us */
};

#endif /* SIM_FAULT_H */
