/* Publishing: so many messages in flight (closed loop), or so many a second (open loop). */
#include "load.h"

static struct room **due; /* rooms that have received what they waited for */
static int due_count;
static int64_t start;

/* The stamp is when a message was sent: always 16 digits, and below 2^53 for 92 days, so that
 * servers that take numbers for doubles send it back unchanged. */
#define STAMP_BASE INT64_C(1000000000000000)
static int64_t origin; /* stamps count from here */

int64_t stamp_of(int64_t moment)
{
    return STAMP_BASE + moment - origin;
}

/* Make everything of a publisher's frame but the stamp. */
void prepare(struct connection *c)
{
    char payload[2 * LONGEST_TEXT + JSON_SIZE];
    struct bytes part = filled(plan.prefix, c, JSON_SIZE);
    memcpy(payload, part.at, part.size);
    size_t stamp = part.size + sizeof HEAD - 1;
    memcpy(payload + part.size, HEAD, sizeof HEAD - 1);
    memset(payload + stamp, '0', DIGITS);
    payload[stamp + DIGITS] = '}';
    part = filled(plan.suffix, c, JSON_SIZE);
    memcpy(payload + stamp + DIGITS + 1, part.at, part.size);
    size_t size = stamp + DIGITS + 1 + part.size;
    struct bytes made = frame(plan.binary ? BINARY : TEXT, payload, size);
    append(&c->message, made.at, made.size);
    c->stamp = c->message.at + made.size - size + stamp;
    c->stamp_place = stamp;
}

/* The next publisher of the room publishes, stamped with `moment`. */
static void publish(struct room *room, int64_t moment)
{
    struct connection *c = room->publishers[room->sent++ % plan.publishers];
    int64_t value = stamp_of(moment);
    for (int i = DIGITS - 1; i >= 0; i--, value /= 10)
        put_masked(c->stamp + i, c->stamp_place + i, '0' + value % 10);
    push(c, c->message.at, c->message.size);
}

/* How many members of a room get each message now. */
int receivers(const struct room *room)
{
    int publishers = room->members[PUBLISHER];
    int others = publishers > 0 ? publishers - 1 : 0;
    return room->members[SUBSCRIBER]
        + (plan.echo == ECHO_ALL ? publishers : plan.echo == ECHO_OTHERS ? others : 0);
}

/* Closed loop: a room publishes as soon as fewer than its share are in flight. */
static void fill_window(struct room *room)
{
    int count = receivers(room), limit = plan.window * plan.publishers;
    room->due = false;
    room->wake_at = NEVER;
    if (!count)
        return;
    if (count != room->receivers_then) { /* the first time, after a stall, or somebody is gone */
        room->receivers_then = count;
        room->sent_then = room->sent;
        room->received_then = room->received;
    }
    int64_t arrived = room->sent_then + (room->received - room->received_then) / count;
    while (room->sent - arrived < limit)
        publish(room, now());
    room->wake_at = room->received_then + (room->sent - limit + 1 - room->sent_then) * count;
}

/* Put a room among those that may publish, once publishing has begun. */
void make_due(struct room *room)
{
    if (due && !room->due)
        due[due_count++] = room;
    room->due = due;
}

static void start_all_windows(void)
{
    for (struct room *room = rooms; room < rooms + plan.rooms; room++) {
        room->receivers_then = 0;
        make_due(room);
    }
}

/* Publish wherever a message has arrived; when to be called again. */
static int64_t keep_window(int64_t moment)
{
    static int64_t seen = -1, since;
    while (due_count)
        fill_window(due[--due_count]);
    if (counts.received != seen) {
        seen = counts.received, since = moment;
    } else if (moment - since > 2 * SECOND) { /* what is in flight is lost: go on without it */
        since = moment, counts.stalls++;
        start_all_windows();
    }
    return moment + SECOND / 5;
}

/* Open loop: every publisher at the same rate, evenly staggered; when the next is due.
 * A message later than a millisecond has the stamp of its time: being late counts as latency. */
static int64_t keep_rate(int64_t moment)
{
    static int64_t published;
    double step = SECOND / plan.rate / (plan.rooms * plan.publishers);
    int64_t time;
    while ((time = start + (int64_t)(published * step)) <= moment) {
        publish(&rooms[published++ % plan.rooms], moment - time > SECOND / 1000 ? time : moment);
        moment = now();
    }
    return time;
}

/* Stamps count from now on; when that is. */
int64_t begin_publishing(void)
{
    due = calloc(plan.rooms, sizeof *due);
    start_all_windows();
    return origin = start = now();
}

/* Publish what may be published; when to be called again. */
int64_t keep_publishing(int64_t moment)
{
    return plan.window ? keep_window(moment) : plan.rate > 0 ? keep_rate(moment) : NEVER;
}
