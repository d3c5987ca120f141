/* What the parts of the load client share: the plan, who is connected, and who does what. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 }; /* opcodes: RFC 6455, 5.2 */
enum { STEPS = 16, LONGEST_TEXT = 4096 };
#define SECOND INT64_C(1000000000)
#define NEVER INT64_MAX

struct bytes { char *at; size_t size; };
enum role { ANYBODY, SUBSCRIBER, PUBLISHER };

/* What is asked for. */
struct plan {
    int rooms, publishers, subscribers, window;
    double rate, warm_up, duration;
    enum { ECHO_ALL, ECHO_OTHERS, ECHO_NONE } echo; /* publishers who get a message of their room */
    bool secure, binary;
    struct sockaddr_in address;
    int publish_port; /* where publishers connect instead; only subscribers' latency counts then */
    char authority[64];
    struct bytes path, prefix, suffix;
    const char *subprotocol;
    int hellos, replies;
    struct { enum role only; struct bytes send, wait; } hello[STEPS];
    struct { struct bytes to, with; } reply[STEPS];
};

struct connection {
    int descriptor, number;
    enum role role;
    enum { CONNECTING, SECURING, UPGRADING, GREETING, READY, GONE } state;
    struct room *room;
    SSL *tls;
    int greeted;           /* steps of the greeting that are done */
    int matched;           /* bytes of a marker that the last frame ended with */
    int64_t received;
    struct bytes begun;    /* the beginning of a frame whose rest is still to come */
    struct bytes unsent;   /* what the kernel did not take yet */
    struct bytes message;  /* a publisher's frame, complete but for its stamp */
    char *stamp;           /* where in it the stamp goes, */
    size_t stamp_place;    /* and where in the payload that is */
};

struct room {
    struct connection **publishers;
    int members[PUBLISHER + 1]; /* by role, of those that are ready */
    int receivers_at_start;
    int64_t sent, received;
    /* For the closed loop: */
    int64_t sent_then, received_then; /* what is in flight is counted from here on, */
    int receivers_then;               /* as long as so many get each message */
    int64_t wake_at;                  /* when so many are received, the room may publish again */
    bool due;                         /* it is in the list of those that may */
};

/* Of all connections together; messages since publishing began. */
struct counts {
    int ready, dropped;
    int64_t received, stalls, samples, unreadable;
    const char *drop_reason; /* of the first one */
};

extern struct plan plan;
extern struct counts counts;
extern struct connection *connections;
extern struct room *rooms;
extern int total;  /* connections */
extern int poller; /* the epoll */

static inline _Noreturn void fail(const char *text, const char *detail)
{
    fprintf(stderr, "load: %s%s%s\n", text, detail ? ": " : "", detail ? detail : "");
    exit(1);
}

static inline int64_t read_clock(clockid_t which)
{
    struct timespec time;
    clock_gettime(which, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static inline int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

/* plan.c: the command line */
void read_options(int count, char **arguments);
struct bytes filled(struct bytes template, const struct connection *c, int json_size);

/* sending.c */
void append(struct bytes *to, const void *data, size_t size);
void watch(struct connection *c, uint32_t events, int how);
void lose(struct connection *c, const char *reason);
void push(struct connection *c, const char *data, size_t size);
void push_frame(struct connection *c, int opcode, const char *payload, size_t size);
void flush(struct connection *c);
struct bytes frame(int opcode, const char *payload, size_t size);
void put_masked(char *at, size_t place, char byte);

/* opening.c: from nothing to ready */
void prepare_tls(void);
void dial(struct connection *c);
void connected(struct connection *c);
void secure(struct connection *c);
void greet(struct connection *c);
size_t take_answer(struct connection *c, unsigned char *data, size_t size);

/* reading.c: count what arrives */
void hear(struct connection *c);
void sample(int64_t every);
const char *percentile(double share);

/* publishing.c: when, and what */
#define HEAD "{\"x\":1.2503,\"y\":-0.5117,\"z\":3.7509,\"t\":"
#define MARKER "\"t\"" /* what every message has once, and no envelope */
enum { DIGITS = 16, MARKER_SIZE = 3, JSON_SIZE = sizeof HEAD - 1 + DIGITS + 1 };
int64_t stamp_of(int64_t moment);
void prepare(struct connection *c);
void make_due(struct room *room);
int receivers(const struct room *room);
int64_t begin_publishing(void);
int64_t keep_publishing(int64_t moment);
