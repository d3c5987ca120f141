/* The floor: the least that a relay with one send() per delivery can cost.
 *
 * A WebSocket relay stripped to its system calls: it answers the handshake, takes whole masked
 * frames below 64 KiB off what a client sends, and sends each on to everybody on the same path, one
 * frame per send(), in a loop in C. It checks nothing, buffers nothing and knows no slow clients:
 * do not use it for anything else.
 *
 *     cc -O2 -o send_loop send_loop.c && ./send_loop PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096, LONGEST = 65536 + 14, LONGEST_PATH = 200 };

struct room {
    char path[LONGEST_PATH];
    int *members;
    int count, capacity;
    struct room *next;
};

struct client {
    int descriptor;
    struct room *room; /* NULL until the handshake is done */
    size_t used;
    unsigned char received[2 * LONGEST];
};

static struct room *rooms;

/* SHA-1 (RFC 3174) of a message of at most 119 bytes: two blocks. */

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1_block(uint32_t h[5], const unsigned char *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
        if (t < 16)
            w[t] = (uint32_t)block[4 * t] << 24 | block[4 * t + 1] << 16 | block[4 * t + 2] << 8
                | block[4 * t + 3];
        else
            w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        uint32_t f = t < 20 ? (b & c) | (~b & d)
            : t < 40        ? b ^ c ^ d
            : t < 60        ? (b & c) | (b & d) | (c & d)
                            : b ^ c ^ d;
        uint32_t k = t < 20 ? 0x5A827999 : t < 40 ? 0x6ED9EBA1 : t < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
        uint32_t next = rotate(a, 5) + f + e + w[t] + k;
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

static void sha1(const char *text, size_t size, unsigned char digest[20])
{
    uint32_t h[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };
    unsigned char padded[128] = { 0 };
    size_t blocks = size < 56 ? 1 : 2;
    memcpy(padded, text, size);
    padded[size] = 0x80;
    padded[64 * blocks - 2] = size * 8 >> 8;
    padded[64 * blocks - 1] = size * 8;
    for (size_t block = 0; block < blocks; block++)
        sha1_block(h, padded + 64 * block);
    for (int i = 0; i < 20; i++)
        digest[i] = h[i / 4] >> (24 - i % 4 * 8);
}

static void base64(const unsigned char digest[20], char out[29])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[21] = { 0 };
    memcpy(bytes, digest, 20);
    for (int i = 0; i < 28; i++) {
        int bit = i * 6;
        uint32_t pair = bytes[bit / 8] << 8 | (bit / 8 < 20 ? bytes[bit / 8 + 1] : 0);
        out[i] = digits[pair >> (10 - bit % 8) & 63];
    }
    out[27] = '=';
    out[28] = 0;
}

static struct room *room_at(const char *path)
{
    for (struct room *room = rooms; room; room = room->next)
        if (strcmp(room->path, path) == 0)
            return room;
    struct room *room = calloc(1, sizeof *room);
    strcpy(room->path, path);
    room->next = rooms;
    return rooms = room;
}

static void join(struct client *client, const char *path)
{
    struct room *room = client->room = room_at(path);
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? 2 * room->capacity : 16;
        room->members = realloc(room->members, room->capacity * sizeof *room->members);
    }
    room->members[room->count++] = client->descriptor;
}

static void leave(struct client *client)
{
    struct room *room = client->room;
    for (int i = 0; room && i < room->count; i++)
        if (room->members[i] == client->descriptor) {
            room->members[i] = room->members[--room->count];
            break;
        }
    close(client->descriptor);
    free(client);
}

/* Answer the request in client->received; how many bytes it had, 0 if it is not all there. */
static size_t handshake(struct client *client)
{
    char *head = (char *)client->received, path[LONGEST_PATH], key[64], accept[29], answer[256];
    char text[128];
    unsigned char digest[20];
    client->received[client->used] = 0;
    char *end = strstr(head, "\r\n\r\n"), *line = strcasestr(head, "\r\nSec-WebSocket-Key:");
    if (!end || !line)
        return 0;
    if (sscanf(head, "GET %199s", path) != 1 || sscanf(line + 20, " %63s", key) != 1)
        return 0;
    int size = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, size, digest);
    base64(digest, accept);
    size = snprintf(answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    join(client, path);
    send(client->descriptor, answer, size, MSG_NOSIGNAL);
    return end + 4 - head;
}

/* Send one frame on; how many bytes it had, 0 if it is not all there, -1 for a Close. */
static ssize_t relay(struct client *client, const unsigned char *data, size_t available)
{
    static unsigned char frame[LONGEST];
    if (available < 2)
        return 0;
    size_t size = data[1] & 127, header = size == 126 ? 4 : 2;
    if (available < header + 4)
        return 0;
    if (size == 126)
        size = data[2] << 8 | data[3];
    size_t whole = header + 4 + size;
    if (available < whole)
        return 0;
    if ((data[0] & 15) == 8)
        return -1;
    if ((data[0] & 15) > 2)
        return whole;
    memcpy(frame, data, header);
    frame[1] &= 127;
    for (size_t i = 0; i < size; i++)
        frame[header + i] = data[header + 4 + i] ^ data[header + i % 4];
    for (int i = 0; i < client->room->count; i++)
        send(client->room->members[i], frame, header + size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return whole;
}

/* Read what a client says; whether it is still there. */
static int hear(struct client *client)
{
    ssize_t got = recv(client->descriptor, client->received + client->used,
        sizeof client->received - client->used - 1, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    client->used += got;
    size_t taken = 0;
    if (!client->room && !(taken = handshake(client)))
        return client->used < LONGEST;
    for (ssize_t size; (size = relay(client, client->received + taken, client->used - taken)); taken += size)
        if (size < 0)
            return 0;
    client->used -= taken;
    memmove(client->received, client->received + taken, client->used);
    return client->used < LONGEST;
}

static void admit(int epoll, int listener)
{
    int one = 1, descriptor = accept(listener, NULL, NULL);
    if (descriptor < 0)
        return;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *client = malloc(sizeof *client);
    client->descriptor = descriptor;
    client->room = NULL;
    client->used = 0;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static int listen_on(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, BACKLOG)) {
        perror("send_loop: cannot listen");
        exit(1);
    }
    return listener;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s PORT\n", arguments[0]);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_on(atoi(arguments[1])), epoll = epoll_create1(0);
    struct epoll_event events[EVENTS], event = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!client)
                admit(epoll, listener);
            else if (!hear(client))
                leave(client);
        }
    }
}
