/* wire NAMESPACE ADDRESS/BITS ... - a network between network namespaces, with
 * faults on order.
 *
 * Each namespace gets a TUN device `wire0` with its address; every IPv4 packet
 * comes here and goes on to the device that has its destination address, late,
 * twice or never, as the link says.  The same as tc netem on each side, but it
 * needs no kernel module and a link may be cut in one direction only.
 *
 * Orders, one a line on standard input; FROM and TO are places in the list of
 * arguments, or * for all:
 *     link FROM TO DELAY_MS JITTER_MS LOSS_PERMILLE DUP_PERMILLE
 *     cut FROM TO            nothing passes in this direction
 *     mend FROM TO           it does again
 *     clear                  every link is perfect
 * Each is answered by a line "ok" or "no".  Jitter reorders.  Ends with its
 * input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    NODES_MAX = 16,
    MTU = 9000,
    HELD_MAX = 65536, /* packets on their way; more are lost */
    IPV4_HEADER = 20,
    IPV4_DESTINATION = 16,
};

struct link {
    uint32_t delay_us;
    uint32_t jitter_us;
    uint32_t loss; /* of 1000 */
    uint32_t dup;  /* of 1000 */
    bool cut;
};

struct packet {
    uint64_t due_us;
    uint64_t number; /* equal times keep their order */
    uint32_t to;
    uint32_t size;
    uint8_t *bytes;
};

struct wire {
    uint32_t count;
    int fd[NODES_MAX];
    in_addr_t address[NODES_MAX];
    struct link link[NODES_MAX][NODES_MAX];
    uint32_t held;
    struct packet heap[HELD_MAX]; /* a binary heap by (due_us, number) */
    uint64_t number;
    uint64_t random;
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t dice(struct wire *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->random >> 33) % below);
}

/* ---- packets on their way ---- */

static bool sooner(const struct packet *a, const struct packet *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us
                                  : a->number < b->number;
}

static void swap(struct packet *a, struct packet *b)
{
    const struct packet t = *a;

    *a = *b;
    *b = t;
}

static void hold(struct wire *w, const struct packet *p)
{
    uint32_t at = w->held++;

    w->heap[at] = *p;
    while (at > 0 && sooner(&w->heap[at], &w->heap[(at - 1) / 2])) {
        swap(&w->heap[at], &w->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct packet take(struct wire *w)
{
    const struct packet first = w->heap[0];
    uint32_t at = 0;

    w->heap[0] = w->heap[--w->held];
    for (;;) {
        uint32_t least = at;

        for (uint32_t k = 2 * at + 1; k <= 2 * at + 2; k++) {
            if (k < w->held && sooner(&w->heap[k], &w->heap[least]))
                least = k;
        }
        if (least == at)
            return first;
        swap(&w->heap[at], &w->heap[least]);
        at = least;
    }
}

static void send_late(
    struct wire *w, uint32_t from, uint32_t to, const uint8_t *bytes, size_t n)
{
    const struct link *l = &w->link[from][to];
    struct packet p = {.to = to, .size = (uint32_t)n};

    if (w->held == HELD_MAX || (p.bytes = malloc(n)) == NULL)
        return;
    memcpy(p.bytes, bytes, n);
    p.number = w->number++;
    p.due_us = now_us() + l->delay_us;
    if (l->jitter_us > 0)
        p.due_us += dice(w, l->jitter_us);
    hold(w, &p);
}

static void pass(struct wire *w, uint32_t from, const uint8_t *bytes, size_t n)
{
    in_addr_t to;

    if (n < IPV4_HEADER || bytes[0] >> 4 != 4)
        return;
    memcpy(&to, bytes + IPV4_DESTINATION, sizeof to);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct link *l = &w->link[from][i];

        if (w->address[i] != to || l->cut)
            continue;
        if (l->loss == 0 || dice(w, 1000) >= l->loss)
            send_late(w, from, i, bytes, n);
        if (l->dup > 0 && dice(w, 1000) < l->dup)
            send_late(w, from, i, bytes, n);
    }
}

static void deliver_due(struct wire *w)
{
    while (w->held > 0 && w->heap[0].due_us <= now_us()) {
        struct packet p = take(w);

        /* A full device loses it, as a switch would. */
        if (write(w->fd[p.to], p.bytes, p.size) < 0 && errno != EAGAIN &&
            errno != EIO && errno != ENOBUFS)
            perror("wire: write");
        free(p.bytes);
    }
}

/* ---- orders ---- */

static bool place(const struct wire *w,
                  const char *text,
                  uint32_t *lo,
                  uint32_t *hi)
{
    char *end;
    const unsigned long at = strtoul(text, &end, 10);

    if (strcmp(text, "*") == 0) {
        *lo = 0;
        *hi = w->count;
        return true;
    }
    *lo = (uint32_t)at;
    *hi = (uint32_t)at + 1;
    return *end == '\0' && end != text && at < w->count;
}

static bool obey(struct wire *w, const char *line)
{
    char order[8];
    char from[8];
    char to[8];
    unsigned v[4] = {0};
    uint32_t a, b, c, d;
    const int n = sscanf(line,
                         "%7s %7s %7s %u %u %u %u",
                         order,
                         from,
                         to,
                         &v[0],
                         &v[1],
                         &v[2],
                         &v[3]);

    if (n == 1 && strcmp(order, "clear") == 0) {
        memset(w->link, 0, sizeof w->link);
        return true;
    }
    if (n < 3 || !place(w, from, &a, &b) || !place(w, to, &c, &d))
        return false;
    for (uint32_t i = a; i < b; i++) {
        for (uint32_t k = c; k < d; k++) {
            struct link *l = &w->link[i][k];

            if (n == 7 && strcmp(order, "link") == 0)
                *l =
                    (struct link){v[0] * 1000, v[1] * 1000, v[2], v[3], l->cut};
            else if (n == 3 && strcmp(order, "cut") == 0)
                l->cut = true;
            else if (n == 3 && strcmp(order, "mend") == 0)
                l->cut = false;
            else
                return false;
        }
    }
    return true;
}

/* False at the end of the input. */
static bool take_orders(struct wire *w)
{
    static char line[256];
    static size_t size;
    const ssize_t n = read(STDIN_FILENO, line + size, sizeof line - 1 - size);
    char *end;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    size += (size_t)n;
    line[size] = '\0';
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        puts(obey(w, line) ? "ok" : "no");
        fflush(stdout);
        size -= (size_t)(end + 1 - line);
        memmove(line, end + 1, size + 1);
    }
    return size < sizeof line - 1;
}

/* ---- devices ---- */

static bool configure(const char *address, uint32_t bits)
{
    const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_name = "wire0"};
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r.ifr_addr;
    bool ok;

    a->sin_family = AF_INET;
    ok = s >= 0 && inet_pton(AF_INET, address, &a->sin_addr) == 1 &&
         ioctl(s, SIOCSIFADDR, &r) == 0;
    a->sin_addr.s_addr = htonl(~0u << (32 - bits));
    ok = ok && ioctl(s, SIOCSIFNETMASK, &r) == 0;
    r.ifr_mtu = MTU;
    ok = ok && ioctl(s, SIOCSIFMTU, &r) == 0;
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    ok = ok && ioctl(s, SIOCSIFFLAGS, &r) == 0;
    r = (struct ifreq){.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    ok = ok && ioctl(s, SIOCSIFFLAGS, &r) == 0;
    if (s >= 0)
        close(s);
    return ok;
}

/* A device in the namespace; it stays there, its descriptor is here. */
static int attach(const char *name, const char *address, uint32_t bits)
{
    char path[64];
    const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct ifreq r = {.ifr_name = "wire0", .ifr_flags = IFF_TUN | IFF_NO_PI};
    int there;
    int fd = -1;

    snprintf(path, sizeof path, "/run/netns/%.40s", name);
    there = open(path, O_RDONLY | O_CLOEXEC);
    if (home >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 &&
            (ioctl(fd, TUNSETIFF, &r) != 0 || !configure(address, bits))) {
            close(fd);
            fd = -1;
        }
        if (setns(home, CLONE_NEWNET) != 0)
            abort();
    }
    if (fd < 0)
        fprintf(stderr, "wire: %s: %s\n", name, strerror(errno));
    if (home >= 0)
        close(home);
    if (there >= 0)
        close(there);
    return fd;
}

static int wait_ms(const struct wire *w)
{
    const uint64_t now = now_us();

    if (w->held == 0)
        return -1;
    if (w->heap[0].due_us <= now)
        return 0;
    return (int)((w->heap[0].due_us - now + 999) / 1000);
}

static void run(struct wire *w)
{
    static uint8_t bytes[MTU + 64];
    struct pollfd p[NODES_MAX + 1] = {{STDIN_FILENO, POLLIN, 0}};

    for (uint32_t i = 0; i < w->count; i++)
        p[i + 1] = (struct pollfd){w->fd[i], POLLIN, 0};
    for (;;) {
        if (poll(p, w->count + 1, wait_ms(w)) < 0 && errno != EINTR)
            return;
        if (p[0].revents != 0 && !take_orders(w))
            return;
        for (uint32_t i = 0; i < w->count; i++) {
            ssize_t n;

            for (int k = 0; k < 64 && (p[i + 1].revents & POLLIN) != 0; k++) {
                n = read(w->fd[i], bytes, sizeof bytes);
                if (n <= 0)
                    break;
                pass(w, i, bytes, (size_t)n);
            }
        }
        deliver_due(w);
    }
}

int main(int argc, char **argv)
{
    static struct wire w = {.random = 1};

    if (argc < 3 || argc % 2 == 0 || (argc - 1) / 2 > NODES_MAX) {
        fprintf(stderr, "usage: wire NAMESPACE ADDRESS/BITS ...\n");
        return 2;
    }
    for (int i = 1; i < argc; i += 2) {
        char *slash = strchr(argv[i + 1], '/');
        const unsigned long bits =
            slash != NULL ? strtoul(slash + 1, NULL, 10) : 0;

        if (bits < 8 || bits > 30) {
            fprintf(stderr, "wire: %s: not ADDRESS/BITS\n", argv[i + 1]);
            return 2;
        }
        *slash = '\0';
        if (inet_pton(AF_INET, argv[i + 1], &w.address[w.count]) != 1)
            return 2;
        w.fd[w.count] = attach(argv[i], argv[i + 1], (uint32_t)bits);
        if (w.fd[w.count++] < 0)
            return 1;
    }
    puts("ok");
    fflush(stdout);
    run(&w);
    return 0;
}
