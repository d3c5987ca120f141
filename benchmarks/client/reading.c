/* Reading: cut what comes into frames, count the markers in them, look at some of the stamps. */
#include "load.h"
#include <sys/socket.h>

enum { BUFFER = 4 << 20 };
static unsigned char buffer[BUFFER];

/* Latencies: every power of two is cut into 256 buckets, so percentiles are 0.4 % off at most. */
enum { PRECISION = 8, LARGEST_BIT = 40, BUCKETS = (LARGEST_BIT - PRECISION + 1) << PRECISION };
static int64_t histogram[BUCKETS];

static void add_latency(int64_t value)
{
    int shift = 63 - __builtin_clzll(value | 1) - PRECISION;
    histogram[shift <= 0 ? value : ((int64_t)shift << PRECISION) + (value >> shift)]++;
    counts.samples++;
}

/* The latency, milliseconds, that `share` of the samples do not exceed, as JSON. */
const char *percentile(double share)
{
    static char texts[8][32];
    static int next;
    char *text = texts[next++ % 8];
    int64_t seen = 0;
    int bucket = -1;
    while (counts.samples && bucket + 1 < BUCKETS && (seen == 0 || seen < share * counts.samples))
        seen += histogram[++bucket];
    if (bucket < 0)
        return "null";
    int shift = (bucket >> PRECISION) - 1;
    double value = bucket;
    if (shift > 0)
        value = ((int64_t)(bucket - (shift << PRECISION)) << shift) + (1 << shift) / 2.0;
    snprintf(text, sizeof texts[0], "%.6f", value / 1e6);
    return text;
}

static int64_t sample_every, until_sample = NEVER;

/* Look at one stamp in `every`, on average; at none if that is 0. */
void sample(int64_t every)
{
    sample_every = every;
    until_sample = every ? 1 : NEVER;
}

/* Take the latency off the message whose marker ends at `after`. */
static void look_at(const unsigned char *after, const unsigned char *end)
{
    int64_t value = 0;
    int digits = 0;
    static uint32_t random = 2463534242; /* xorshift: all places in a chunk are seen alike */
    random ^= random << 13, random ^= random >> 17, random ^= random << 5;
    until_sample = 1 + random % (2 * sample_every - 1);
    while (after < end && (*after == ':' || *after == ' '))
        after++;
    while (after < end && *after >= '0' && *after <= '9' && digits++ < DIGITS)
        value = 10 * value + *after++ - '0';
    int64_t latency = stamp_of(now()) - value;
    if (digits == DIGITS && latency >= 0 && latency >> LARGEST_BIT == 0)
        add_latency(latency);
    else
        counts.unreadable++; /* the server changed it, or the rest of it is in another frame */
}

static void count(struct connection *c, const unsigned char *after, const unsigned char *end)
{
    c->received++, c->room->received++, counts.received++;
    if (plan.publish_port && c->role == PUBLISHER)
        return;
    if (--until_sample <= 0)
        look_at(after, end);
}

/* Count the messages in a payload; whether there were any.
 *
 * Most frames are as long as one that had a single marker, and have theirs in the same place: a
 * frame shorter than two messages cannot have two. All others are searched from where the frame
 * before stopped, for a message may begin in one frame and end in the next. */
static bool count_messages(struct connection *c, const unsigned char *payload, size_t size)
{
    static size_t usual_size, usual_end;
    const unsigned char *end = payload + size;
    if (size == usual_size && !c->matched
        && !memcmp(payload + usual_end - MARKER_SIZE, MARKER, MARKER_SIZE)) {
        count(c, payload + usual_end, end);
        return true;
    }
    const unsigned char *found = NULL;
    for (const unsigned char *at = payload; at < end; at++) {
        c->matched = *at == (unsigned char)MARKER[c->matched] ? c->matched + 1 : *at == '"';
        if (c->matched == MARKER_SIZE) {
            c->matched = 0;
            found = at + 1;
            count(c, found, end);
        }
    }
    if (found && found >= payload + MARKER_SIZE && !c->matched && size < 2 * JSON_SIZE)
        usual_size = size, usual_end = found - payload;
    return found;
}

/* A frame without a message: part of the greeting, or something that wants an answer. */
static void listen_to(struct connection *c, const unsigned char *payload, size_t size)
{
    if (c->state == GREETING) {
        struct bytes awaited = filled(plan.hello[c->greeted].wait, c, 0);
        if (memmem(payload, size, awaited.at, awaited.size)) {
            c->greeted++;
            greet(c);
        }
        return;
    }
    for (int i = 0; i < plan.replies; i++)
        if (memmem(payload, size, plan.reply[i].to.at, plan.reply[i].to.size)) {
            struct bytes said = filled(plan.reply[i].with, c, 0);
            push_frame(c, plan.binary ? BINARY : TEXT, said.at, said.size);
        }
}

/* Take one frame off `data`; how many bytes it has, 0 if it is not all there. */
static size_t take_frame(struct connection *c, const unsigned char *data, size_t available)
{
    if (available < 2)
        return 0;
    size_t size = data[1], header = size < 126 ? 2 : size == 126 ? 4 : 10;
    if (available < header)
        return 0;
    if (header > 2)
        size = 0;
    for (size_t i = 2; i < header; i++)
        size = size << 8 | data[i];
    if (size > BUFFER - header || data[1] & 0x80) {
        lose(c, "the server sent a frame that is masked or longer than 4 MiB");
        return 0;
    }
    if (available - header < size)
        return 0;
    int opcode = data[0] & 15;
    const unsigned char *payload = data + header;
    if (opcode == CLOSE)
        lose(c, "the server closed it");
    else if (opcode == PING)
        push_frame(c, PONG, (char *)payload, size);
    else if (opcode <= BINARY && (c->state != READY || !count_messages(c, payload, size)))
        listen_to(c, payload, size);
    return header + size;
}

/* What there is, 0 at the end, -1 with errno otherwise. */
static ssize_t receive(struct connection *c, void *into, size_t size)
{
    if (!c->tls)
        return recv(c->descriptor, into, size, 0);
    int got = SSL_read(c->tls, into, size);
    if (got > 0)
        return got;
    int error = SSL_get_error(c->tls, got);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* Read a connection: once, or with TLS until nothing is left, which epoll does not see in there. */
void hear(struct connection *c)
{
    do {
        size_t used = 0, taken;
        if (c->begun.size)
            memcpy(buffer, c->begun.at, c->begun.size);
        ssize_t got = receive(c, buffer + c->begun.size, BUFFER - c->begun.size);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            lose(c, got ? strerror(errno) : "the server hung up");
            break;
        }
        size_t size = c->begun.size + got;
        if (c->state == UPGRADING)
            used = take_answer(c, buffer, size);
        while (c->state > UPGRADING && c->state < GONE
            && (taken = take_frame(c, buffer + used, size - used)))
            used += taken;
        c->begun.size = 0;
        if (used < size)
            append(&c->begun, buffer + used, size - used);
    } while (c->tls && c->state != GONE);
    if (c->room->received >= c->room->wake_at)
        make_due(c->room);
}
