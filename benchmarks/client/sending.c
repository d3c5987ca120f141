/* Sending: what the kernel does not take at once waits in `unsent` for EPOLLOUT. */
#include "load.h"
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

struct counts counts;

void append(struct bytes *to, const void *data, size_t size)
{
    if (!(to->at = realloc(to->at, to->size + size + 1)))
        fail("no memory", NULL);
    memcpy(to->at + to->size, data, size);
    to->size += size;
}

void watch(struct connection *c, uint32_t events, int how)
{
    struct epoll_event event = { .events = events, .data.ptr = c };
    epoll_ctl(poller, how, c->descriptor, &event);
}

/* A connection has ended: before all are open that is the end of it all, later it is counted. */
void lose(struct connection *c, const char *reason)
{
    if (c->state != READY)
        fail("a connection could not be opened", reason);
    c->state = GONE;
    c->room->members[c->role]--;
    c->room->wake_at = 0; /* fewer are awaited now */
    if (!counts.dropped++)
        counts.drop_reason = strdup(reason);
    ERR_clear_error();
    close(c->descriptor);
}

/* How many bytes the kernel took; all of them if there is nobody left: reading will tell. */
static size_t give(struct connection *c, const char *data, size_t size)
{
    if (c->tls) {
        int taken = SSL_write(c->tls, data, size);
        if (taken > 0)
            return taken;
        int error = SSL_get_error(c->tls, taken);
        return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : size;
    }
    ssize_t taken = send(c->descriptor, data, size, MSG_NOSIGNAL);
    return taken >= 0 ? (size_t)taken : errno == EAGAIN ? 0 : size;
}

void push(struct connection *c, const char *data, size_t size)
{
    size_t taken = c->unsent.size || c->state == GONE ? 0 : give(c, data, size);
    if (taken == size || c->state == GONE)
        return;
    append(&c->unsent, data + taken, size - taken);
    watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void flush(struct connection *c)
{
    size_t taken = give(c, c->unsent.at, c->unsent.size);
    memmove(c->unsent.at, c->unsent.at + taken, c->unsent.size -= taken);
    if (!c->unsent.size)
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

/* One mask for all: it is there to protect proxies (RFC 6455, 10.3), and there are none here. */
static const unsigned char MASK[4] = { 0x35, 0x8e, 0x6b, 0xd2 };

struct bytes frame(int opcode, const char *payload, size_t size)
{
    static char made[3 * LONGEST_TEXT];
    size_t header = size < 126 ? 2 : 4;
    if (size > sizeof made - 8)
        fail("a message is too long", NULL);
    made[0] = 0x80 | opcode;
    made[1] = 0x80 | (size < 126 ? size : 126);
    if (size >= 126)
        made[2] = size >> 8, made[3] = size;
    memcpy(made + header, MASK, 4);
    for (size_t i = 0; i < size; i++)
        made[header + 4 + i] = payload[i] ^ MASK[i % 4];
    return (struct bytes){ made, header + 4 + size };
}

void push_frame(struct connection *c, int opcode, const char *payload, size_t size)
{
    struct bytes made = frame(opcode, payload, size);
    push(c, made.at, made.size);
}

/* Write a byte of a payload, `place` bytes from its beginning. */
void put_masked(char *at, size_t place, char byte)
{
    *at = byte ^ MASK[place % 4];
}
