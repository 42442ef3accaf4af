/*
 * Notes over HTTP on 127.0.0.1: one thread, one poll loop, and a bound on every size
 * and every wait. Each connection carries one request and is then closed.
 */
#define _GNU_SOURCE
#include "notes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "0.0.0-dev"
#endif

#define MAX_CONNECTIONS 256
#define MAX_HEAD_BYTES 8192
#define MAX_BODY_BYTES 8192
#define REQUEST_MS 10000
#define LINGER_MS 2000
#define STOP_MS 5000
#define ACCEPT_PAUSE_MS 100

enum phase { FREE, READING, WRITING, LINGERING };

struct connection {
    enum phase phase;
    int fd;
    int64_t deadline;
    bool continued;
    size_t used;
    char input[MAX_HEAD_BYTES + MAX_BODY_BYTES];
    char *output;
    size_t output_length;
    size_t sent;
};

struct span {
    const char *at;
    size_t length;
};

struct request {
    struct span method;
    struct span path;
    struct span authorization;
    struct span body;
    bool expects_continue;
};

struct reply {
    int status;
    const char *type;
    char *body;
};

static struct connection connections[MAX_CONNECTIONS];
static const char *token;
static int64_t started;
static volatile sig_atomic_t stopping;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool span_is(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool span_is_name(struct span span, const char *name)
{
    return span.length == strlen(name) && strncasecmp(span.at, name, span.length) == 0;
}

/* Cuts `rest` at the first `stop`, which is dropped; false if there is none. */
static bool cut(struct span *rest, const char *stop, struct span *before)
{
    const char *found = memmem(rest->at, rest->length, stop, strlen(stop));

    if (!found)
        return false;
    before->at = rest->at;
    before->length = (size_t)(found - rest->at);
    rest->length -= before->length + strlen(stop);
    rest->at = found + strlen(stop);
    return true;
}

static struct span trim(struct span span)
{
    while (span.length && (*span.at == ' ' || *span.at == '\t')) {
        span.at++;
        span.length--;
    }
    while (span.length && (span.at[span.length - 1] == ' ' || span.at[span.length - 1] == '\t'))
        span.length--;
    return span;
}

/* Returns 0 while more bytes are needed, 200 for a whole request, or the status to refuse it with. */
static int parse(const struct connection *connection, struct request *request)
{
    struct span rest = {connection->input, connection->used};
    struct span head, line, name, version;
    size_t body_length = 0;
    int hosts = 0, lengths = 0;

    memset(request, 0, sizeof *request);
    if (!cut(&rest, "\r\n\r\n", &head))
        return connection->used >= MAX_HEAD_BYTES ? 431 : 0;
    if (head.length > MAX_HEAD_BYTES)
        return 431;
    if (memchr(head.at, '\0', head.length))
        return 400;
    head.length += 2; /* so that every line ends in CR LF */

    cut(&head, "\r\n", &version);
    if (!cut(&version, " ", &request->method) || !cut(&version, " ", &request->path))
        return 400;
    if (!span_is(version, "HTTP/1.0") && !span_is(version, "HTTP/1.1"))
        return version.length > 5 && memcmp(version.at, "HTTP/", 5) == 0 ? 505 : 400;
    if (request->method.length == 0 || request->path.length == 0 || *request->path.at != '/')
        return 400;
    const char *query = memchr(request->path.at, '?', request->path.length);
    if (query)
        request->path.length = (size_t)(query - request->path.at);

    while (cut(&head, "\r\n", &line)) {
        if (!cut(&line, ":", &name) || name.length == 0 || memchr(name.at, ' ', name.length)
            || memchr(name.at, '\t', name.length))
            return 400;
        line = trim(line);
        if (span_is_name(name, "Host"))
            hosts++;
        else if (span_is_name(name, "Authorization"))
            request->authorization = line;
        else if (span_is_name(name, "Transfer-Encoding"))
            return 501;
        else if (span_is_name(name, "Expect"))
            request->expects_continue = span_is_name(line, "100-continue");
        else if (span_is_name(name, "Content-Length")) {
            if (line.length == 0 || lengths++)
                return 400;
            for (size_t i = 0; i < line.length; i++) {
                if (line.at[i] < '0' || line.at[i] > '9')
                    return 400;
                body_length = body_length * 10 + (size_t)(line.at[i] - '0');
                if (body_length > MAX_BODY_BYTES)
                    return 413;
            }
        }
    }
    if (span_is(version, "HTTP/1.1") && hosts != 1)
        return 400;
    if (rest.length < body_length)
        return 0;
    request->body.at = rest.at;
    request->body.length = body_length;
    return 200;
}

static struct reply text_reply(int status, const char *text)
{
    return (struct reply){status, "text/plain; charset=utf-8", strdup(text)};
}

static struct reply json_reply(int status, char *json)
{
    return (struct reply){status, "application/json", json};
}

static struct reply health(void)
{
    char timestamp[32] = "";
    char *json = NULL;
    struct tm utc;
    time_t wall = time(NULL);
    int64_t begun = now_ms();
    bool up = notes_healthy();
    int64_t latency = now_ms() - begun;

    if (gmtime_r(&wall, &utc))
        strftime(timestamp, sizeof timestamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (asprintf(&json,
                 "{\"status\":\"%s\",\"checks\":{\"database\":{\"status\":\"%s\",\"latencyMs\":%lld}},"
                 "\"version\":\"" VERSION "\",\"uptime\":%lld,\"timestamp\":\"%s\",\"responseTimeMs\":%lld}\n",
                 up ? "healthy" : "unhealthy", up ? "up" : "down", (long long)latency,
                 (long long)((begun - started) / 1000), timestamp, (long long)(now_ms() - begun)) < 0)
        json = NULL;
    return json_reply(up ? 200 : 503, json);
}

/* Takes the same time whichever byte differs. */
static bool is_authorized(struct span authorization)
{
    static const char scheme[] = "Bearer ";
    size_t scheme_length = sizeof scheme - 1;
    unsigned char difference = 0;

    if (!token)
        return true;
    if (authorization.length != scheme_length + strlen(token)
        || strncasecmp(authorization.at, scheme, scheme_length) != 0)
        return false;
    for (size_t i = 0; token[i]; i++)
        difference |= (unsigned char)(authorization.at[scheme_length + i] ^ token[i]);
    return difference == 0;
}

static struct reply add_note(const struct request *request)
{
    char *note = NULL;

    if (!is_authorized(request->authorization))
        return text_reply(401, "a bearer token is required\n");
    switch (notes_add(request->body.at, request->body.length, &note)) {
    case NOTE_ADDED:
        return json_reply(201, note);
    case NOTE_REFUSED:
        return text_reply(400, "send {\"text\": \"...\"} with 1 to 4096 bytes of text\n");
    default:
        return text_reply(503, "the database does not answer\n");
    }
}

static struct reply route(const struct request *request)
{
    bool reads = span_is(request->method, "GET") || span_is(request->method, "HEAD");

    if (span_is(request->path, "/"))
        return reads ? text_reply(200, "api " VERSION ": notes over HTTP, at /api/notes\n")
                     : text_reply(405, "use GET\n");
    if (span_is(request->path, "/api/health"))
        return reads ? health() : text_reply(405, "use GET\n");
    if (span_is(request->path, "/api/notes")) {
        if (span_is(request->method, "POST"))
            return add_note(request);
        if (!reads)
            return text_reply(405, "use GET or POST\n");
        char *list = notes_list();
        return list ? json_reply(200, list) : text_reply(503, "the database does not answer\n");
    }
    return text_reply(404, "not found\n");
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

/* Headers that one status needs, each with its CR LF. */
static const char *extra_headers(int status, const struct request *request)
{
    if (status == 401)
        return "WWW-Authenticate: Bearer\r\n";
    if (status == 405)
        return span_is(request->path, "/api/notes") ? "Allow: GET, HEAD, POST\r\n" : "Allow: GET, HEAD\r\n";
    return "";
}

static void end(struct connection *connection)
{
    close(connection->fd);
    free(connection->output);
    connection->output = NULL;
    connection->phase = FREE;
}

static void start_reply(struct connection *connection, struct reply reply, const struct request *request)
{
    bool head_only = span_is(request->method, "HEAD");
    int length = -1;

    if (reply.body)
        length = asprintf(&connection->output,
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n%s",
                          reply.status, reason(reply.status), reply.type, strlen(reply.body),
                          extra_headers(reply.status, request), head_only ? "" : reply.body);
    free(reply.body);
    if (length < 0) {
        connection->output = NULL;
        end(connection);
        return;
    }
    connection->output_length = (size_t)length;
    connection->sent = 0;
    connection->phase = WRITING;
    connection->deadline = now_ms() + REQUEST_MS;
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void read_request(struct connection *connection)
{
    struct request request;
    ssize_t got = read(connection->fd, connection->input + connection->used,
                       sizeof connection->input - connection->used);

    if (got < 0) {
        if (!is_transient(errno))
            end(connection);
        return;
    }
    connection->used += (size_t)got;
    int status = parse(connection, &request);
    if (status == 200) {
        start_reply(connection, route(&request), &request);
    } else if (status != 0 || (got == 0 && connection->used > 0)) {
        status = status ? status : 400;
        start_reply(connection, text_reply(status, "this request was not understood\n"), &request);
    } else if (got == 0) {
        end(connection);
    } else if (request.expects_continue && !connection->continued) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        connection->continued = true;
        if (send(connection->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0)
            end(connection);
    }
}

static void write_reply(struct connection *connection)
{
    ssize_t wrote = send(connection->fd, connection->output + connection->sent,
                         connection->output_length - connection->sent, MSG_NOSIGNAL);

    if (wrote < 0) {
        if (!is_transient(errno))
            end(connection);
        return;
    }
    connection->sent += (size_t)wrote;
    if (connection->sent == connection->output_length) {
        shutdown(connection->fd, SHUT_WR);
        connection->phase = LINGERING;
        connection->deadline = now_ms() + LINGER_MS;
    }
}

/* Closing with unread input would reset the connection, and the reply could be lost. */
static void linger(struct connection *connection)
{
    char ignored[4096];
    ssize_t got = read(connection->fd, ignored, sizeof ignored);

    if (got == 0 || (got < 0 && !is_transient(errno)))
        end(connection);
}

static void serve(struct connection *connection)
{
    if (connection->phase == READING)
        read_request(connection);
    if (connection->phase == WRITING)
        write_reply(connection);
    else if (connection->phase == LINGERING)
        linger(connection);
}

static struct connection *free_connection(void)
{
    for (size_t i = 0; i < MAX_CONNECTIONS; i++)
        if (connections[i].phase == FREE)
            return &connections[i];
    return NULL;
}

/* Accepts all that wait. False if the system is out of descriptors or memory. */
static bool accept_waiting(int listener)
{
    struct connection *connection;

    while ((connection = free_connection())) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return is_transient(errno);
        }
        connection->phase = READING;
        connection->fd = fd;
        connection->deadline = now_ms() + REQUEST_MS;
        connection->continued = false;
        connection->used = 0;
    }
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Serves until a signal asks to stop and the last request is answered. */
static void run(int listener, const sigset_t *while_waiting)
{
    int64_t accept_from = 0;

    for (;;) {
        struct pollfd polled[MAX_CONNECTIONS + 1];
        struct connection *owners[MAX_CONNECTIONS + 1];
        nfds_t count = 0;
        int64_t now = now_ms();
        int64_t wake = INT64_MAX;

        if (stopping && listener >= 0) {
            accept_waiting(listener);
            close(listener);
            listener = -1;
            for (size_t i = 0; i < MAX_CONNECTIONS; i++)
                connections[i].deadline = earlier(connections[i].deadline, now + STOP_MS);
        }
        for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
            struct connection *connection = &connections[i];
            if (connection->phase != FREE && connection->deadline <= now)
                end(connection);
            if (connection->phase == FREE)
                continue;
            wake = earlier(wake, connection->deadline);
            owners[count] = connection;
            polled[count++] = (struct pollfd){connection->fd, connection->phase == WRITING ? POLLOUT : POLLIN, 0};
        }
        if (listener < 0 && count == 0)
            return;
        if (listener >= 0 && now < accept_from) {
            wake = earlier(wake, accept_from);
        } else if (listener >= 0 && count < MAX_CONNECTIONS) {
            owners[count] = NULL;
            polled[count++] = (struct pollfd){listener, POLLIN, 0};
        }

        struct timespec timeout = {(wake - now) / 1000, (wake - now) % 1000 * 1000000};
        if (ppoll(polled, count, wake == INT64_MAX ? NULL : &timeout, while_waiting) <= 0)
            continue;
        for (nfds_t i = 0; i < count; i++) {
            if (polled[i].revents == 0)
                continue;
            if (owners[i])
                serve(owners[i]);
            else if (!accept_waiting(listener))
                accept_from = now_ms() + ACCEPT_PAUSE_MS;
        }
    }
}

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static int listen_on(const char *port_text)
{
    char *rest;
    long port = strtol(port_text, &rest, 10);
    int yes = 1;

    if (*port_text < '0' || *port_text > '9' || *rest || port < 1 || port > 65535) {
        fprintf(stderr, "api: PORT must be a number from 1 to 65535, not \"%s\"\n", port_text);
        return -1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, SOMAXCONN) < 0) {
        fprintf(stderr, "api: 127.0.0.1:%ld: %s\n", port, strerror(errno));
        if (listener >= 0)
            close(listener);
        return -1;
    }
    return listener;
}

static bool open_notes(void)
{
    const char *directory = getenv("STATE_DIRECTORY");
    char *path = NULL;

    if (!directory || !*directory)
        return notes_open(":memory:");
    if (asprintf(&path, "%s/api.db", directory) < 0)
        return false;
    bool opened = notes_open(path);
    free(path);
    return opened;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("api " VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: api [--version | --help]\nServes notes over HTTP on 127.0.0.1; see api(1).");
        return 0;
    }
    if (argc != 1) {
        fputs("usage: api [--version | --help]\n", stderr);
        return 2;
    }

    sigset_t stop_signals, while_waiting;
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    sigprocmask(SIG_BLOCK, &stop_signals, &while_waiting);
    sigdelset(&while_waiting, SIGTERM);
    sigdelset(&while_waiting, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    started = now_ms();
    token = getenv("API_TOKEN");
    if (token && !*token)
        token = NULL;
    const char *port = getenv("PORT");
    if (!port || !*port)
        port = "8081";
    if (!open_notes())
        return 1;
    int listener = listen_on(port);
    if (listener < 0) {
        notes_close();
        return 1;
    }
    fprintf(stderr, "api " VERSION ": listening on 127.0.0.1:%s\n", port);
    run(listener, &while_waiting);
    notes_close();
    fputs("api: stopped\n", stderr);
    return 0;
}
