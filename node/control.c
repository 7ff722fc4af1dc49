#include "node/control.h"
#include "base/check.h"
#include "base/log.h"
#include "base/num.h"
#include "node/own_tx.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 2 * CONFIG_TEXT_MAX,
    ASK_MS = 5000,
    TELL_EVERY = 100, /* progress at most so often for the whole */
};

struct control {
    struct node *node;
    int listening;
    int wake;
    _Atomic bool stop;
    pthread_t thread;
};

/* The data directory's name may be longer than a socket's may be. */
static bool address_of(struct sockaddr_un *out, int *dir, const char *data_dir)
{
    *dir = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir < 0)
        return false;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(
        out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/control", *dir);
    return true;
}

static bool send_line(int fd, const char *line)
{
    size_t left = strlen(line);

    while (left > 0) {
        const ssize_t n = send(fd, line, left, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        line += n;
        left -= (size_t)n;
    }
    return true;
}

/* ---- a backup, asked for ---- */

/* The copy is made on the writer's thread: between two blocks. */
struct copy_task {
    struct task task;
    struct node *node;
    char dir[CONFIG_TEXT_MAX];
    enum err err;
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    uint32_t refs; /* the one who waits, and the loop */
    bool done;
};

static void drop(struct copy_task *t)
{
    uint32_t left;

    pthread_mutex_lock(&t->lock);
    left = --t->refs;
    pthread_mutex_unlock(&t->lock);
    if (left > 0)
        return;
    pthread_cond_destroy(&t->done_cond);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void run_copy(struct task *task)
{
    struct copy_task *t = (struct copy_task *)(void *)task;
    const enum err e = t->node->write_failed != ERR_NONE
                           ? t->node->write_failed
                           : store_checkpoint(t->node->store, t->dir);

    pthread_mutex_lock(&t->lock);
    t->err = e;
    t->done = true;
    pthread_cond_signal(&t->done_cond);
    pthread_mutex_unlock(&t->lock);
}

static void copy_done(struct task *task)
{
    drop((struct copy_task *)(void *)task);
}

/* Most of what is in memory is brought to files before, so that the writer is
 * held up for little. */
static enum err checkpoint(void *ctx, const char *dir)
{
    struct control *c = ctx;
    struct copy_task *t;
    enum err e;

    TRY(store_flush(c->node->store));
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL && strlen(dir) < sizeof t->dir);
    t->task.run = run_copy;
    t->task.done = copy_done;
    t->node = c->node;
    t->refs = 2;
    memcpy(t->dir, dir, strlen(dir));
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->done_cond, NULL);
    pool_submit(c->node->writer, &t->task, LANE_FIRST);
    pthread_mutex_lock(&t->lock);
    while (!t->done)
        pthread_cond_wait(&t->done_cond, &t->lock);
    e = t->err;
    pthread_mutex_unlock(&t->lock);
    drop(t);
    return e;
}

struct telling {
    struct control *control;
    int fd;
    uint64_t told;
};

static bool tell(void *ctx, uint64_t done, uint64_t all)
{
    struct telling *t = ctx;
    const uint64_t step = all / TELL_EVERY + 1;
    char line[64];

    if (t->control->stop)
        return false;
    if (done / step == t->told / step)
        return true;
    t->told = done;
    snprintf(line,
             sizeof line,
             "progress %llu %llu\n",
             (unsigned long long)done,
             (unsigned long long)all);
    return send_line(t->fd, line); /* who asked has gone away: no more */
}

static void backup(struct control *c, int fd, const char *to)
{
    struct node *n = c->node;
    struct telling t = {.control = c, .fd = fd};
    struct backup_plan p = {.genesis = n->genesis,
                            .chain_id = n->chain_id,
                            .data_dir = n->config.dir,
                            .to = to,
                            .spare = n->config.disk_reserve_mib << 20,
                            .checkpoint = checkpoint,
                            .ctx = c,
                            .watch = {.tick = tell, .ctx = &t}};
    struct backup_result r;
    char line[sizeof r.why + 64];
    const enum err e = backup_make(&p, &r);

    if (e == ERR_NONE) {
        log_info("node",
                 "backup made",
                 "height=%llu bytes=%llu dir=\"%s\"",
                 (unsigned long long)r.height,
                 (unsigned long long)r.bytes,
                 r.path);
        snprintf(line,
                 sizeof line,
                 "ok %llu %s\n",
                 (unsigned long long)r.height,
                 r.path);
    } else {
        log_unusual("node", "backup not made", "why=\"%s\"", r.why);
        snprintf(line, sizeof line, "failed %s\n", r.why);
    }
    (void)send_line(fd, line);
}

/* ---- READY, asked for ---- */

struct ready_task {
    struct task task;
    struct node *node;
};

static void ready_asked(struct task *task)
{
    struct ready_task *t = (struct ready_task *)(void *)task;

    own_tx_ask_ready(t->node);
    free(t);
}

static void ready(struct control *c, int fd)
{
    struct ready_task *t = calloc(1, sizeof *t);

    ASSERT(t != NULL);
    t->task.done = ready_asked;
    t->node = c->node;
    mail_post(c->node->mail, &t->task);
    (void)send_line(fd, "ok 0 -\n");
}

/* ---- the thread ---- */

/* Reads a line within the time; what is after it is nobody's. */
static bool read_line(struct control *c, int fd, char out[LINE_MAX_BYTES])
{
    size_t size = 0;

    while (size + 1 < LINE_MAX_BYTES) {
        struct pollfd p[2] = {{fd, POLLIN, 0}, {c->wake, POLLIN, 0}};
        ssize_t n;

        if (poll(p, 2, ASK_MS) <= 0 || p[1].revents != 0)
            return false;
        n = recv(fd, out + size, LINE_MAX_BYTES - 1 - size, 0);
        if (n <= 0)
            return false;
        for (size_t i = size; i < size + (size_t)n; i++) {
            if (out[i] == '\n') {
                out[i] = '\0';
                return true;
            }
            if ((unsigned char)out[i] < 0x20)
                return false;
        }
        size += (size_t)n;
    }
    return false;
}

static bool is_ours(int fd)
{
    struct ucred u;
    socklen_t size = sizeof u;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &size) == 0 &&
           (u.uid == geteuid() || u.uid == 0);
}

static void answer(struct control *c, int fd)
{
    char line[LINE_MAX_BYTES];

    if (!is_ours(fd) || !read_line(c, fd, line))
        return;
    if (strcmp(line, "backup") == 0)
        backup(c, fd, "");
    else if (strncmp(line, "backup /", 8) == 0)
        backup(c, fd, line + 7);
    else if (strcmp(line, "ready") == 0)
        ready(c, fd);
    else
        (void)send_line(fd, "failed this is no request\n");
}

static void *serve(void *ctx)
{
    struct control *c = ctx;

    while (!c->stop) {
        struct pollfd p[2] = {{c->listening, POLLIN, 0}, {c->wake, POLLIN, 0}};
        int fd;

        if (poll(p, 2, -1) < 0 || c->stop)
            continue;
        fd = accept4(c->listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) { /* out of descriptors: not as fast as it can */
            (void)poll(NULL, 0, 100);
            continue;
        }
        answer(c, fd);
        close(fd);
    }
    return NULL;
}

static enum err listen_at(struct control *c)
{
    struct sockaddr_un a;
    int dir;
    bool ok;

    if (!address_of(&a, &dir, c->node->config.dir))
        return ERR_IO;
    c->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)unlinkat(dir, "control", 0); /* of a process that was killed */
    /* The mode that bind gives to the name: other threads make files too, so
     * that the process's mask is not to be touched. */
    ok = c->listening >= 0 && fchmod(c->listening, 0600) == 0 &&
         bind(c->listening, (struct sockaddr *)&a, sizeof a) == 0 &&
         listen(c->listening, 4) == 0;
    close(dir);
    return ok ? ERR_NONE : ERR_IO;
}

enum err control_start(struct control **out, struct node *n)
{
    struct control *c = calloc(1, sizeof *c);
    enum err e;

    *out = NULL;
    ASSERT(c != NULL);
    c->node = n;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e = c->wake >= 0 ? listen_at(c) : ERR_IO;
    if (e == ERR_NONE && pthread_create(&c->thread, NULL, serve, c) != 0)
        e = ERR_IO;
    if (e != ERR_NONE) {
        if (c->listening > 0)
            close(c->listening);
        if (c->wake >= 0)
            close(c->wake);
        free(c);
        return e;
    }
    pthread_setname_np(c->thread, "control");
    *out = c;
    return ERR_NONE;
}

void control_stop(struct control *c)
{
    const uint64_t one = 1;
    char path[CONFIG_TEXT_MAX + 16];

    if (c == NULL)
        return;
    c->stop = true;
    while (write(c->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(c->thread, NULL);
    close(c->listening);
    close(c->wake);
    snprintf(path, sizeof path, "%s/control", c->node->config.dir);
    unlink(path);
    free(c);
}

/* ---- the other side ---- */

static enum err take_answer(char *line,
                            struct backup_result *out,
                            struct backup_watch *watch,
                            bool *last)
{
    unsigned long long a;
    unsigned long long b;
    int at = 0;

    *last = true;
    if (sscanf(line, "progress %llu %llu", &a, &b) == 2) {
        *last = false;
        return watch->tick == NULL || watch->tick(watch->ctx, a, b)
                   ? ERR_NONE
                   : ERR_REFUSED;
    }
    if (sscanf(line, "ok %llu %n", &a, &at) == 1 && at > 0) {
        out->height = a;
        snprintf(out->path, sizeof out->path, "%.500s", line + at);
        return ERR_NONE;
    }
    snprintf(out->why,
             sizeof out->why,
             "%.800s",
             strncmp(line, "failed ", 7) == 0 ? line + 7
                                              : "an answer that is none");
    return ERR_REFUSED;
}

static enum err read_answer(int fd,
                            struct backup_result *out,
                            struct backup_watch *watch)
{
    const int copy = dup(fd);
    FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
    char line[LINE_MAX_BYTES];
    bool last = false;
    enum err e = in != NULL ? ERR_NONE : ERR_IO;

    while (e == ERR_NONE && !last) {
        if (fgets(line, sizeof line, in) == NULL) {
            snprintf(
                out->why, sizeof out->why, "the node ended before it answered");
            e = ERR_REFUSED;
            break;
        }
        line[strcspn(line, "\n")] = '\0';
        e = take_answer(line, out, watch, &last);
    }
    if (in != NULL)
        fclose(in);
    return e;
}

static enum err ask(const char *data_dir,
                    const char *line,
                    struct backup_result *out,
                    struct backup_watch *watch)
{
    struct sockaddr_un a;
    int dir;
    int fd;
    enum err e = ERR_NONE;

    memset(out, 0, sizeof *out);
    if (!address_of(&a, &dir, data_dir))
        return ERR_NOT_FOUND;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        e = ERR_NOT_FOUND;
    close(dir);
    if (e == ERR_NONE)
        e = send_line(fd, line) ? read_answer(fd, out, watch) : ERR_IO;
    if (fd >= 0)
        close(fd);
    return e;
}

enum err control_ask(const char *data_dir,
                     const char *to,
                     struct backup_result *out,
                     struct backup_watch *watch)
{
    char line[LINE_MAX_BYTES];

    snprintf(line, sizeof line, "backup%s%s\n", to[0] != '\0' ? " " : "", to);
    return ask(data_dir, line, out, watch);
}

enum err control_ask_ready(const char *data_dir)
{
    struct backup_watch watch = {0};
    struct backup_result out;

    return ask(data_dir, "ready\n", &out, &watch);
}
