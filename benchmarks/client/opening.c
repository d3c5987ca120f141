/* Opening a connection: TCP, TLS, the upgrade, then what the dialect has for a greeting. */
#include "load.h"
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>

static SSL_CTX *tls_context;

/* Whom we measure is known: certificates are not looked at. */
void prepare_tls(void)
{
    tls_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls_context,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls_context, 1); /* a record in one recv() instead of two */
}

/* Say what is next in the greeting; ready when no answer is awaited any more. */
void greet(struct connection *c)
{
    c->state = GREETING;
    for (; c->greeted < plan.hellos; c->greeted++) {
        if (plan.hello[c->greeted].only && plan.hello[c->greeted].only != c->role)
            continue;
        struct bytes said = filled(plan.hello[c->greeted].send, c, 0);
        if (said.size)
            push_frame(c, plan.binary ? BINARY : TEXT, said.at, said.size);
        if (plan.hello[c->greeted].wait.size)
            return;
    }
    c->state = READY;
    c->room->members[c->role]++;
    counts.ready++;
    if (c->role == PUBLISHER)
        prepare(c);
}

/* The key is a nonce that tells apart what was answered to whom: a connection's number will do. */
static void make_key(const struct connection *c, char key[25])
{
    char nonce[17];
    snprintf(nonce, sizeof nonce, "%016d", c->number);
    EVP_EncodeBlock((unsigned char *)key, (unsigned char *)nonce, 16);
}

static void ask(struct connection *c)
{
    char key[25], request[LONGEST_TEXT];
    struct bytes path = filled(plan.path, c, 0);
    make_key(c, key);
    int size = snprintf(request, sizeof request,
        "GET %.*s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
        (int)path.size, path.at, plan.authority, key,
        *plan.subprotocol ? "Sec-WebSocket-Protocol: " : "", plan.subprotocol,
        *plan.subprotocol ? "\r\n" : "");
    c->state = UPGRADING;
    push(c, request, size);
}

/* Read the answer to the upgrade; how many bytes it has, 0 if it is not all there. */
size_t take_answer(struct connection *c, unsigned char *data, size_t size)
{
    char *end = memmem(data, size, "\r\n\r\n", 4), key[128], accept[29];
    unsigned char digest[SHA_DIGEST_LENGTH];
    if (!end)
        return 0;
    *end = 0;
    make_key(c, key);
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"); /* RFC 6455, 1.3 */
    SHA1((unsigned char *)key, strlen(key), digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
    if (strncmp((char *)data, "HTTP/1.1 101", 12) || !strstr((char *)data, accept))
        lose(c, strtok((char *)data, "\r\n"));
    greet(c);
    return end + 4 - (char *)data;
}

void secure(struct connection *c)
{
    c->state = SECURING;
    int done = SSL_do_handshake(c->tls), error = SSL_get_error(c->tls, done);
    watch(c, done != 1 && error == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    if (done == 1)
        ask(c);
    else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        lose(c, "the TLS handshake failed");
}

void connected(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        lose(c, strerror(error));
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    if (!plan.secure) {
        ask(c);
        return;
    }
    c->tls = SSL_new(tls_context);
    SSL_set_fd(c->tls, c->descriptor);
    SSL_set_connect_state(c->tls);
    secure(c);
}

void dial(struct connection *c)
{
    int one = 1;
    c->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->descriptor < 0)
        fail("no socket", strerror(errno));
    setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
    struct sockaddr_in to = plan.address;
    if (plan.publish_port && c->role == PUBLISHER)
        to.sin_port = htons(plan.publish_port);
    if (connect(c->descriptor, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
        lose(c, strerror(errno));
}
