/* The command line, and the texts of a dialect. */
#include "load.h"
#include <arpa/inet.h>
#include <getopt.h>

struct plan plan = { .rooms = 1, .publishers = 1, .subscribers = 100, .warm_up = 1, .duration = 5,
    .subprotocol = "" };

/* On the command line any byte of a text may be written as %XX. */
static struct bytes decoded(const char *text)
{
    struct bytes made = { malloc(strlen(text) + 1), 0 };
    for (unsigned byte; *text; text++) {
        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1)
            made.at[made.size++] = byte, text += 2;
        else
            made.at[made.size++] = *text;
    }
    return made;
}

/* A text with what {room}, {client} and {size} stand for; the bytes last until the next call. */
struct bytes filled(struct bytes template, const struct connection *c, int json_size)
{
    static char made[LONGEST_TEXT];
    static const char *names[] = { "{room}", "{client}", "{size}" };
    char values[3][16];
    snprintf(values[0], 16, "bench-%04d", (int)(c->room - rooms));
    snprintf(values[1], 16, "%06d", c->number);
    snprintf(values[2], 16, "%d", json_size);
    size_t size = 0;
    for (size_t i = 0; i < template.size;) {
        if (size + 16 > sizeof made)
            fail("a text is too long", NULL);
        int name = 0;
        while (name < 3 && (template.size - i < strlen(names[name])
            || memcmp(template.at + i, names[name], strlen(names[name]))))
            name++;
        if (name == 3) {
            made[size++] = template.at[i++];
        } else {
            size = stpcpy(made + size, values[name]) - made;
            i += strlen(names[name]);
        }
    }
    return (struct bytes){ made, size };
}

static void locate(const char *url)
{
    char host[32];
    int port, path = 0;
    plan.secure = !strncmp(url, "wss:", 4);
    const char *form = plan.secure ? "wss://%31[0-9.]:%d%n" : "ws://%31[0-9.]:%d%n";
    if (sscanf(url, form, host, &port, &path) != 2
        || inet_pton(AF_INET, host, &plan.address.sin_addr) != 1)
        fail("the URL must be ws:// or wss://, an IPv4 address, a port and a path", url);
    plan.address.sin_family = AF_INET;
    plan.address.sin_port = htons(port);
    plan.path = decoded(url[path] ? url + path : "/");
    snprintf(plan.authority, sizeof plan.authority, "%s:%d", host, port);
}

/* WHO,SEND,WAIT: WHO is `subscriber`, `publisher` or nothing, which is both. */
static void add_hello(char *text)
{
    if (plan.hellos == STEPS)
        fail("too many --hello", NULL);
    char *who = strsep(&text, ","), *send = strsep(&text, ",");
    plan.hello[plan.hellos].only = *who == 's' ? SUBSCRIBER : *who == 'p' ? PUBLISHER : ANYBODY;
    plan.hello[plan.hellos].send = decoded(send ? send : "");
    plan.hello[plan.hellos++].wait = decoded(text ? text : "");
}

/* TO,WITH: a frame that contains TO and no message is answered WITH that. */
static void add_reply(char *text)
{
    if (plan.replies == STEPS)
        fail("too many --reply", NULL);
    plan.reply[plan.replies].to = decoded(strsep(&text, ","));
    plan.reply[plan.replies++].with = decoded(text ? text : "");
}

static const struct option OPTIONS[] = {
    { "rooms", 1, 0, 'r' }, { "publishers", 1, 0, 'p' }, { "subscribers", 1, 0, 's' },
    { "window", 1, 0, 'w' }, { "rate", 1, 0, 'R' }, { "idle", 0, 0, 'i' },
    { "warm-up", 1, 0, 'W' }, { "duration", 1, 0, 'd' }, { "echo", 1, 0, 'e' },
    { "subprotocol", 1, 0, 'S' }, { "binary", 0, 0, 'b' }, { "prefix", 1, 0, 'x' },
    { "suffix", 1, 0, 'y' }, { "hello", 1, 0, 'h' }, { "reply", 1, 0, 'a' },
    { "publish-port", 1, 0, 'P' }, { 0 },
};

void read_options(int count, char **arguments)
{
    for (int option; (option = getopt_long(count, arguments, "", OPTIONS, NULL)) != -1;)
        switch (option) {
        case 'r': plan.rooms = atoi(optarg); break;
        case 'p': plan.publishers = atoi(optarg); break;
        case 's': plan.subscribers = atoi(optarg); break;
        case 'w': plan.window = atoi(optarg); break;
        case 'R': plan.rate = atof(optarg); break;
        case 'i': break; /* neither a window nor a rate: that is idle already */
        case 'W': plan.warm_up = atof(optarg); break;
        case 'd': plan.duration = atof(optarg); break;
        case 'e':
            plan.echo = *optarg == 'a' ? ECHO_ALL : *optarg == 'o' ? ECHO_OTHERS : ECHO_NONE;
            break;
        case 'S': plan.subprotocol = optarg; break;
        case 'b': plan.binary = true; break;
        case 'x': plan.prefix = decoded(optarg); break;
        case 'y': plan.suffix = decoded(optarg); break;
        case 'h': add_hello(optarg); break;
        case 'a': add_reply(optarg); break;
        case 'P': plan.publish_port = atoi(optarg); break;
        default: exit(2);
        }
    if (optind != count - 1)
        fail("usage: load [--rooms N] [--subscribers N] [--window N | --rate HZ] ... URL", NULL);
    locate(arguments[optind]);
    total = plan.rooms * (plan.publishers + plan.subscribers);
    if (total < 1 || ((plan.window || plan.rate) && plan.publishers < 1))
        fail("nobody to connect, or nobody to publish", NULL);
}
