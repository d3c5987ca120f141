/* The load client of the benchmarks: opens rooms of WebSockets, publishes, counts what arrives.
 *
 *     cc -O2 -o load *.c -lssl -lcrypto
 *     ./load --subscribers 1000 --window 4 ws://127.0.0.1:8080/ws/camera/{room}
 *
 * It does what `camrelay bench` does, with the same names of options and of figures, in one thread
 * and at less cost for each delivery, so that a fast server meets a client that is faster still.
 * On standard output it says `open`, `begin` and `end` when it is so far (whoever started it may
 * look at the server then), and last the figures as one line of JSON. Times are nanoseconds of
 * CLOCK_MONOTONIC throughout.
 *
 * plan.c      the command line            reading.c     the hot loop: frames, messages, latency
 * opening.c   one connection, to ready    publishing.c  when to publish, and what
 * sending.c   frames out                  load.c        the run, from the first dial to the report
 */
#include "load.h"
#include <sys/prctl.h>
#include <sys/resource.h>

enum { AT_ONCE = 100, EVENTS = 256, SAMPLES_PER_SECOND = 50000 };

struct connection *connections;
struct room *rooms;
int total, poller;

/* Look after whoever has something to say, waiting for it until `moment` at the latest. */
static void turn(int64_t moment)
{
    struct epoll_event events[EVENTS];
    int64_t wait = moment - now();
    wait = wait < 0 ? 0 : wait > SECOND ? SECOND : wait;
    struct timespec timeout = { wait / SECOND, wait % SECOND };
    int count = epoll_pwait2(poller, events, EVENTS, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state == CONNECTING)
            connected(c);
        else if (c->state == SECURING)
            secure(c);
        else if (c->state != GONE && events[i].events & EPOLLOUT)
            flush(c);
        if (c->state > SECURING && c->state != GONE && events[i].events & ~EPOLLOUT)
            hear(c);
    }
}

static void run_until(int64_t end)
{
    for (int64_t moment; (moment = now()) < end;) {
        int64_t wake = keep_publishing(moment);
        turn(wake < end ? wake : end);
    }
}

static int64_t expected(void)
{
    int64_t sum = 0;
    for (struct room *room = rooms; room < rooms + plan.rooms; room++)
        sum += room->sent * room->receivers_at_start;
    return sum;
}

/* Read until everything is there, nothing came for 1.5 s, or 5 s are over. */
static void drain(void)
{
    int64_t end = now() + 5 * SECOND, before = -1, since = 0;
    for (int64_t moment; (moment = now()) < end && counts.received < expected();) {
        if (counts.received != before)
            before = counts.received, since = moment;
        else if (moment - since > SECOND * 3 / 2)
            return;
        turn(moment + SECOND / 100);
    }
}

static void seat_everybody(void)
{
    int number = 0, per_room = plan.subscribers + plan.publishers;
    connections = calloc(total, sizeof *connections);
    rooms = calloc(plan.rooms, sizeof *rooms);
    for (struct room *room = rooms; room < rooms + plan.rooms; room++) {
        room->publishers = calloc(plan.publishers + 1, sizeof *room->publishers);
        room->wake_at = NEVER;
        for (int place = 0; place < per_room; place++, number++) {
            struct connection *c = &connections[number];
            bool publishes = place >= plan.subscribers;
            *c = (struct connection){ .number = number, .room = room,
                .role = publishes ? PUBLISHER : SUBSCRIBER };
            if (publishes)
                room->publishers[place - plan.subscribers] = c;
        }
    }
}

static void open_all(void)
{
    int64_t end = now() + 60 * SECOND;
    for (int dialled = 0; counts.ready < total;) {
        while (dialled < total && dialled - counts.ready - counts.dropped < AT_ONCE)
            dial(&connections[dialled++]);
        turn(now() + SECOND / 10);
        if (counts.dropped)
            fail("a connection ended while others were being opened", counts.drop_reason);
        if (now() > end)
            fail("not all connections were open after 60 s", NULL);
    }
}

static void say(const char *what)
{
    puts(what);
    fflush(stdout);
}

struct usage { int64_t clock, cpu, received, sent; };

static struct usage use(void)
{
    struct usage usage = { now(), read_clock(CLOCK_PROCESS_CPUTIME_ID), counts.received, 0 };
    for (struct room *room = rooms; room < rooms + plan.rooms; room++)
        usage.sent += room->sent;
    return usage;
}

static void report(const struct usage *dialling, const struct usage *opened,
    const struct usage *before, const struct usage *after)
{
    double opening = (opened->clock - dialling->clock) / 1e9;
    double seconds = (after->clock - before->clock) / 1e9;
    int64_t fewest = NEVER, most = 0;
    for (struct connection *c = connections; c < connections + total; c++)
        if (c->role == SUBSCRIBER && c->state == READY) {
            fewest = c->received < fewest ? c->received : fewest;
            most = c->received > most ? c->received : most;
        }
    printf("{\"connections\": {\"count\": %d, \"seconds\": %f, \"per_second\": %f"
           ", \"client_utilisation\": %f}", total, opening, total / opening,
        (opened->cpu - dialling->cpu) / 1e9 / opening);
    printf(", \"seconds\": %f, \"deliveries_per_second\": %f, \"messages_per_second\": %f", seconds,
        (after->received - before->received) / seconds, (after->sent - before->sent) / seconds);
    printf(", \"latency_ms\": {\"p50\": %s, \"p90\": %s, \"p99\": %s, \"p99.9\": %s, \"max\": %s"
           ", \"samples\": %ld}", percentile(0.5), percentile(0.9), percentile(0.99),
        percentile(0.999), percentile(1), counts.samples);
    printf(", \"expected\": %ld, \"lost\": %ld, \"dropped\": %d, \"stalls\": %ld", expected(),
        expected() - counts.received, counts.dropped, counts.stalls);
    printf(", \"fewest_per_subscriber\": %ld, \"most_per_subscriber\": %ld",
        fewest == NEVER ? 0 : fewest, most);
    printf(", \"clients\": [{\"process\": 0, \"utilisation\": %f, \"deliveries\": %ld}]}\n",
        (after->cpu - before->cpu) / 1e9 / seconds, counts.received);
    fflush(stdout);
    if (counts.dropped)
        fprintf(stderr, "load: %d connections ended, the first one because: %s\n", counts.dropped,
            counts.drop_reason);
    if (counts.unreadable)
        fprintf(stderr, "load: %ld stamps did not come back as they were\n", counts.unreadable);
}

static void run(void)
{
    seat_everybody();
    struct usage dialling = use();
    open_all();
    struct usage opened = use();
    for (int64_t settled = now() + SECOND * 3 / 10; now() < settled;)
        turn(settled);
    counts.received = 0;
    for (struct connection *c = connections; c < connections + total; c++)
        c->received = c->room->received = 0;
    for (struct room *room = rooms; room < rooms + plan.rooms; room++)
        room->receivers_at_start = receivers(room);
    say("open");
    int64_t begin = begin_publishing() + (int64_t)(plan.warm_up * SECOND);
    int64_t end = begin + (int64_t)(plan.duration * SECOND);
    run_until(begin);
    say("begin");
    sample(1 + counts.received / (plan.warm_up > 0 ? plan.warm_up : 1) / SAMPLES_PER_SECOND);
    struct usage before = use();
    run_until(end);
    struct usage after = use();
    say("end");
    sample(0);
    drain();
    report(&dialling, &opened, &before, &after);
    for (struct connection *c = connections; c < connections + total; c++)
        push_frame(c, CLOSE, "\x03\xe8", 2);
}

int main(int count, char **arguments)
{
    read_options(count, arguments);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1); /* an open loop on time needs no spinning */
    poller = epoll_create1(0);
    if (plan.secure)
        prepare_tls();
    run();
    return 0;
}
