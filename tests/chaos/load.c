/* load DIR FILE RATE NAMESPACE=URL ... - transfers on a trial network whose
 * nodes stand in network namespaces, until its standard input ends.
 *
 * DIR is the network's directory.  Two threads for each node submit a transfer
 * there and wait until it is final; RATE a second in all.  Each id that a node
 * called final is appended to FILE at once: what must never be lost.  A node
 * that does not answer is asked again; nothing ends the load.  An empty
 * NAMESPACE means the own one.  At the end: "submitted=N acknowledged=N". */
#include "tests/load/load.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/num.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    PLACES_MAX = 16,
    THREADS_EACH = 2,
    WAIT_MS = 30000,
};

static struct load_market market;
static atomic_uint next_number;
static atomic_uint submitted;
static atomic_uint acknowledged;
static atomic_bool stopping;
static FILE *acks;
static pthread_mutex_t acks_lock = PTHREAD_MUTEX_INITIALIZER;

struct sender {
    pthread_t thread;
    const char *dir; /* of the network */
    const char *space;
    const char *url;
    uint64_t every_us;
};

/* The calling thread opens its sockets in this namespace from here on. */
static void enter(const char *space)
{
    char path[64];
    int fd;

    if (*space == '\0')
        return;
    snprintf(path, sizeof path, "/run/netns/%.40s", space);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        perror(path);
        exit(1);
    }
    close(fd);
}

static void keep(const struct hash *id)
{
    char hex[2 * HASH_BYTES + 1];

    hex_encode(hex, id->raw, HASH_BYTES);
    pthread_mutex_lock(&acks_lock);
    fprintf(acks, "%s\n", hex);
    fflush(acks);
    pthread_mutex_unlock(&acks_lock);
    atomic_fetch_add(&acknowledged, 1);
}

static void *send_some(void *arg)
{
    const struct sender *s = arg;
    struct rpc_client *c;
    struct rpc_failure why;
    struct buf tx = {0};
    struct hash id;

    enter(s->space);
    if (rpc_client_new(&c, s->url) != ERR_NONE)
        exit(1);
    while (!atomic_load(&stopping)) {
        load_transfer(&market, &tx, &id, atomic_fetch_add(&next_number, 1));
        if (load_submit(c, &tx, &why)) {
            atomic_fetch_add(&submitted, 1);
            if (load_wait_final(c, &id, WAIT_MS))
                keep(&id);
        }
        usleep((useconds_t)s->every_us);
    }
    rpc_client_free(c);
    buf_deinit(&tx);
    return NULL;
}

static void *make(void *arg)
{
    const struct sender *s = arg;
    struct rpc_client *c;

    enter(s->space);
    return rpc_client_new(&c, s->url) == ERR_NONE &&
                   load_open(&market, c, s->dir) && load_make(&market, c)
               ? arg
               : NULL;
}

int main(int argc, char **argv)
{
    static struct sender senders[PLACES_MAX * THREADS_EACH];
    const int places = argc - 4;
    uint64_t rate;
    pthread_t maker;
    void *made;
    int count = 0;
    char byte;

    if (places < 1 || places > PLACES_MAX || !num_parse_u64(&rate, argv[3]) ||
        rate == 0) {
        fprintf(stderr, "usage: load DIR FILE RATE NAMESPACE=URL ...\n");
        return 2;
    }
    acks = fopen(argv[2], "ae");
    if (acks == NULL) {
        perror(argv[2]);
        return 1;
    }
    for (int i = 0; i < places; i++) {
        char *equal = strchr(argv[i + 4], '=');

        if (equal == NULL)
            return 2;
        *equal = '\0';
        for (int k = 0; k < THREADS_EACH; k++)
            senders[count++] = (struct sender){
                .dir = argv[1],
                .space = argv[i + 4],
                .url = equal + 1,
                .every_us = (uint64_t)places * THREADS_EACH * 1000000 / rate};
    }
    ASSERT(pthread_create(&maker, NULL, make, senders) == 0);
    pthread_join(maker, &made);
    if (made == NULL)
        return 1;
    puts("ready");
    fflush(stdout);
    for (int i = 0; i < count; i++)
        ASSERT(pthread_create(
                   &senders[i].thread, NULL, send_some, &senders[i]) == 0);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    atomic_store(&stopping, true);
    for (int i = 0; i < count; i++)
        pthread_join(senders[i].thread, NULL);
    printf("submitted=%u acknowledged=%u\n",
           atomic_load(&submitted),
           atomic_load(&acknowledged));
    return 0;
}
