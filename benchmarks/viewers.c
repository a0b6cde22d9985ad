/* Many viewers of a live socket in one process, as cheap as can be: they count, take the time, and keep nothing.
 *
 *     viewers PORT PATH COUNT
 *
 * Orders come on stdin, a line each; every answer is a line of JSON on stdout.
 *     connect      open all; answers when each has got its first binary frame: {"seconds"}
 *     measure S    listen S seconds: {"seconds","frames","least","cpu","late":[[hundredths of a ms, count],...]}
 *     storm        close all at once, then as connect
 * The last 8 bytes of each binary frame are the time of its publication: f64, seconds of CLOCK_MONOTONIC.
 * A socket that the server closes ends the process with status 1. benchmarks.fanout_viewers does the same, slower, where no C compiler is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 1000000 /* of 10 microseconds */
#define KEPT 125        /* of a frame's payload: its last bytes, or a whole ping */

struct viewer {
    int fd, open, asked, begun;     /* begun: got a binary frame */
    uint32_t greeting;              /* the last 4 bytes of the HTTP answer */
    unsigned char head[14];
    int have;                       /* bytes of the frame's head */
    uint64_t left;                  /* bytes of its payload still to come */
    unsigned char kept[KEPT];
    int kept_n;
    long frames;                    /* in the window */
};

static struct viewer *viewers;
static int count, port, poller, begun;
static const char *path;
static uint32_t late[BUCKETS];
static int measuring;
static unsigned char buffer[1 << 18];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void fail(const char *what) {
    fprintf(stderr, "viewers: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(struct viewer *v) {
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     path, port);
    if (write(v->fd, text, n) != n) fail("cannot ask");
    v->asked = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = v};
    epoll_ctl(poller, EPOLL_CTL_MOD, v->fd, &e);
}

static void dial(struct viewer *v) {
    memset(v, 0, sizeof *v);
    v->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (v->fd < 0) fail("no socket");
    int one = 1;
    setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(v->fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) fail("cannot connect");
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = v};
    epoll_ctl(poller, EPOLL_CTL_ADD, v->fd, &e);
}

static void pong(struct viewer *v) {
    unsigned char text[6 + KEPT] = {0x8a, 0x80 | v->kept_n}; /* the mask is 0 */
    memcpy(text + 6, v->kept, v->kept_n);
    if (write(v->fd, text, 6 + v->kept_n) < 0) fail("cannot answer a ping");
}

static void frame(struct viewer *v) {
    int kind = v->head[0] & 15;
    if (kind == 9) pong(v);
    if (kind == 8) { errno = 0; fail("the server closed a socket"); }
    if (kind != 2 || v->kept_n < 8) return;
    if (!v->begun) { v->begun = 1; begun++; }
    if (!measuring) return;
    double sent;
    memcpy(&sent, v->kept + v->kept_n - 8, 8);
    double ticks = (now() - sent) * 1e5;
    late[ticks < 0 ? 0 : ticks >= BUCKETS ? BUCKETS - 1 : (int)ticks]++;
    v->frames++;
}

static void keep(struct viewer *v, const unsigned char *p, size_t n) {
    if (n >= KEPT) { memcpy(v->kept, p + n - KEPT, KEPT); v->kept_n = KEPT; return; }
    int stay = v->kept_n + (int)n > KEPT ? KEPT - (int)n : v->kept_n;
    memmove(v->kept, v->kept + v->kept_n - stay, stay);
    memcpy(v->kept + stay, p, n);
    v->kept_n = stay + (int)n;
}

static void digest(struct viewer *v, const unsigned char *p, size_t n) {
    while (n) {
        if (!v->open) {
            v->greeting = v->greeting << 8 | *p++, n--;
            if (v->greeting == 0x0d0a0d0a) v->open = 1;
            continue;
        }
        if (!v->left) {
            v->head[v->have++] = *p++, n--;
            if (v->have < 2) continue;
            int small = v->head[1] & 127, want = 2 + (small == 126 ? 2 : small == 127 ? 8 : 0);
            if (v->have < want) continue;
            uint64_t length = small < 126 ? small : 0;
            for (int i = 2; i < want; i++) length = length << 8 | v->head[i];
            v->left = length, v->kept_n = 0;
            if (!length) { frame(v); v->have = 0; }
            continue;
        }
        size_t part = v->left < n ? v->left : n;
        keep(v, p, part);
        p += part, n -= part, v->left -= part;
        if (!v->left) { frame(v); v->have = 0; }
    }
}

static void turn(int wait) {
    struct epoll_event ready[256];
    int n = epoll_wait(poller, ready, 256, wait);
    for (int i = 0; i < n; i++) {
        struct viewer *v = ready[i].data.ptr;
        if (!v->asked) { ask(v); continue; }
        ssize_t got = read(v->fd, buffer, sizeof buffer);
        if (got > 0) digest(v, buffer, got);
        else if (got == 0 || errno != EAGAIN) fail("a socket was closed");
    }
}

static void join_all(void) {
    double start = now();
    begun = 0;
    for (int i = 0; i < count; i++) dial(&viewers[i]);
    while (begun < count) {
        turn(100);
        if (now() - start > 120) fail("not all got a frame within 120 seconds");
    }
    printf("{\"seconds\":%.3f}\n", now() - start);
}

static void measure(double seconds) {
    memset(late, 0, sizeof late);
    for (int i = 0; i < count; i++) viewers[i].frames = 0;
    double start = now(), used = cpu();
    measuring = 1;
    while (now() < start + seconds) turn(10);
    measuring = 0;
    double took = now() - start;
    used = cpu() - used;
    long all = 0, least = viewers[0].frames;
    for (int i = 0; i < count; i++) {
        all += viewers[i].frames;
        if (viewers[i].frames < least) least = viewers[i].frames;
    }
    printf("{\"seconds\":%.4f,\"frames\":%ld,\"least\":%ld,\"cpu\":%.4f,\"late\":[", took, all, least, used);
    const char *comma = "";
    for (int i = 0; i < BUCKETS; i++)
        if (late[i]) { printf("%s[%d,%u]", comma, i, late[i]); comma = ","; }
    printf("]}\n");
}

int main(int argc, char **argv) {
    if (argc != 4) { fprintf(stderr, "usage: viewers PORT PATH COUNT\n"); return 2; }
    port = atoi(argv[1]), path = argv[2], count = atoi(argv[3]);
    viewers = calloc(count, sizeof *viewers);
    poller = epoll_create1(0);
    char order[64];
    for (;;) {
        fd_set set; /* read on while no order comes, so that nobody counts as stalled */
        struct timeval nothing = {0, 0};
        FD_ZERO(&set);
        FD_SET(0, &set);
        if (select(1, &set, NULL, NULL, &nothing) <= 0) { turn(10); continue; }
        if (!fgets(order, sizeof order, stdin)) return 0;
        if (!strncmp(order, "connect", 7)) join_all();
        else if (!strncmp(order, "measure", 7)) measure(atof(order + 7));
        else if (!strncmp(order, "storm", 5)) {
            for (int i = 0; i < count; i++) close(viewers[i].fd);
            join_all();
        }
        fflush(stdout);
    }
}
