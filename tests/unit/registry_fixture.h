/*
 * registry_fixture - a real docker-registry on a free loopback port, and a gate before it that asks for
 * tokens and makes the faults of a bad day.  Included by the one test that uses it.
 */
#ifndef LK_TEST_REGISTRY_FIXTURE_H
#define LK_TEST_REGISTRY_FIXTURE_H

#include "common/base/base.h"
#include "common/base/str.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct fixture_registry {
    pid_t    pid;
    uint16_t port;
    char     directory[64];
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in) { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t          size = sizeof(address);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    lk_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    lk_assert(listen(fd, 16) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    lk_assert(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void registry_write_file(const char *directory, const char *name, const char *text)
{
    char  path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    lk_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* `htpasswd` is NULL for a registry that is open to all. */
static void fixture_registry_start(struct fixture_registry *registry, const char *htpasswd)
{
    char  config[1024], auth[256] = "", path[128];
    char *argv[] = { (char[]) { "docker-registry" }, (char[]) { "serve" }, path, NULL };
    posix_spawn_file_actions_t actions;

    strcpy(registry->directory, "/tmp/lk-test-registry-XXXXXX");
    lk_assert(mkdtemp(registry->directory));
    close(listen_somewhere(&registry->port));
    if (htpasswd) {
        registry_write_file(registry->directory, "htpasswd", htpasswd);
        snprintf(auth, sizeof(auth), "auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n",
                 registry->directory);
    }
    snprintf(config, sizeof(config),
             "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
             "storage: {filesystem: {rootdirectory: %s/data}}\n"
             "http: {addr: '127.0.0.1:%u', relativeurls: %s}\n%s",
             registry->directory, registry->port, htpasswd ? "true" : "false", auth);
    registry_write_file(registry->directory, "config.yml", config);
    snprintf(path, sizeof(path), "%s/config.yml", registry->directory);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    lk_assert(posix_spawnp(&registry->pid, argv[0], &actions, NULL, argv, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int tries = 0; tries < 500; tries++) {
        int fd = connect_to(registry->port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(20000);
    }
    fprintf(stderr, "docker-registry did not start\n");
    abort();
}

static void fixture_registry_stop(struct fixture_registry *registry)
{
    struct lk_err err;

    kill(registry->pid, SIGKILL);
    waitpid(registry->pid, NULL, 0);
    lk_directory_remove(registry->directory, &err);
}

enum fault {
    FAULT_NONE,
    FAULT_BUSY,            /* 503 with Retry-After: 1 */
    FAULT_RESET,           /* closed before any answer */
    FAULT_CUT_PATCH,       /* a PATCH gets through for its first `cut_after` bytes only */
    FAULT_CUT_PATCH_KEPT,  /* the same, before a registry that keeps what it got */
    FAULT_LOSE_PUT_ANSWER, /* a PUT is carried out, its answer is not delivered */
    FAULT_SHORT_ANSWER,    /* a GET's answer is cut in the middle of its body */
    FAULT_DENY,            /* 403 with a message that tries to break a log */
    FAULT_DENY_POST,       /* the same, but only of a POST */
};

struct gate {
    int        listen_fd;
    uint16_t   port;
    uint16_t   registry_port;
    pthread_t  thread;
    atomic_int fault; /* enum fault */
    atomic_int faults_left;
    size_t     cut_after;
    char       kept_at[1024]; /* where the registry stands after FAULT_CUT_PATCH_KEPT */
    /* The gate asks for tokens; each is good for `token_uses` requests. */
    atomic_bool wants_tokens;
    atomic_int  token_uses;
    atomic_bool
        redirects_blobs; /* GET of a blob is sent to the same gate by another host name */
    /* What was seen. */
    atomic_int  tokens_issued;
    atomic_int  requests;
    atomic_int  posts;
    atomic_bool leaked; /* the other host got an Authorization header */
    char        token_query[2048];
    char        content_range[64]; /* of the last PATCH */
};

struct head {
    char   text[16384];
    size_t len; /* of the head itself */
    size_t got; /* with what of the body came along */
    char   method[16];
    char   path[2048];
    size_t body;
};

static void find_header(const struct head *head, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    out[0] = '\0';
    for (const char *line = strstr(head->text, "\r\n");
         line && line < head->text + head->len - 2; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *value = line + 2 + len + 1 + strspn(line + 2 + len + 1, " ");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        }
}

static bool read_head(int fd, struct head *head)
{
    char length[32];

    *head = (struct head) { 0 };
    for (;;) {
        ssize_t got = read(fd, head->text + head->got, sizeof(head->text) - 1 - head->got);
        if (got <= 0)
            return false;
        head->got += (size_t)got;
        char *end = strstr(head->text, "\r\n\r\n");
        if (!end)
            continue;
        head->len = (size_t)(end - head->text) + 4;
        find_header(head, "Content-Length", length, sizeof(length));
        head->body = strtoul(length, NULL, 10);
        return sscanf(head->text, "%15s %2047s", head->method, head->path) == 2;
    }
}

static void say(int fd, const char *format, ...) LK_PRINTF(2, 3);
static void say(int fd, const char *format, ...)
{
    char    text[4096];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)!write(fd, text, (size_t)len);
}

/* Moves `count` bytes, or all there are. */
static void pump(int from, int to, size_t count)
{
    char piece[16384];

    while (count) {
        ssize_t got = read(from, piece, count < sizeof(piece) ? count : sizeof(piece));
        if (got <= 0)
            return;
        if (to >= 0)
            (void)!write(to, piece, (size_t)got);
        count -= (size_t)got;
    }
}

/* Gives at most `body_max` bytes of the body on; relays at most `answer_max` of the answer. */
static void forward(const struct gate *gate, int client, const struct head *head,
                    size_t body_max, size_t answer_max)
{
    int    server = connect_to(gate->registry_port);
    size_t line = strcspn(head->text, "\n") + 1;
    size_t body = head->body < body_max ? head->body : body_max;
    size_t early = head->got - head->len < body ? head->got - head->len : body;

    lk_assert(server >= 0);
    say(server, "%.*sConnection: close\r\n", (int)line, head->text);
    (void)!write(server, head->text + line, head->len - line + early);
    pump(client, server, body - early);
    if (body < head->body) {
        shutdown(server, SHUT_WR);
        pump(server, -1, SIZE_MAX);
    } else {
        pump(server, answer_max ? client : -1, answer_max ? answer_max : SIZE_MAX);
    }
    close(server);
}

/*
 * Debian's registry gives up an upload that was cut; others keep what arrived.  To the client this looks like
 * one of those: the registry gets a shorter PATCH that is whole, and is later asked where that ended.
 */
static void forward_part(struct gate *gate, int client, const struct head *head)
{
    static struct head answer;
    char               location[1024];
    int                server = connect_to(gate->registry_port);
    size_t             early = head->got - head->len;

    lk_assert(server >= 0 && early < gate->cut_after);
    say(server,
        "PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
        head->path, gate->cut_after);
    (void)!write(server, head->text + head->len, early);
    pump(client, server, gate->cut_after - early);
    lk_assert(read_head(server, &answer));
    find_header(&answer, "Location", location, sizeof(location));
    lk_assert(strncmp(location, "http://x/", 9) == 0);
    snprintf(gate->kept_at, sizeof(gate->kept_at), "%s", location + 8);
    close(server);
}

static void say_where_it_stands(struct gate *gate, int client, const struct head *head)
{
    char host[128];
    int  server = connect_to(gate->registry_port);

    lk_assert(server >= 0);
    find_header(head, "Host", host, sizeof(host));
    say(server, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", gate->kept_at,
        host);
    pump(server, client, SIZE_MAX);
    close(server);
    gate->kept_at[0] = '\0';
}

static void refuse_head(int client, const struct head *head, const char *answer)
{
    pump(client, -1, head->body - (head->got - head->len));
    say(client, "HTTP/1.1 %s\r\n\r\n", answer);
}

static bool fault_strikes(struct gate *gate, const struct head *head)
{
    int         fault = atomic_load(&gate->fault);
    const char *only = fault == FAULT_CUT_PATCH || fault == FAULT_CUT_PATCH_KEPT ? "PATCH"
                       : fault == FAULT_LOSE_PUT_ANSWER                          ? "PUT"
                       : fault == FAULT_SHORT_ANSWER                             ? "GET"
                       : fault == FAULT_DENY_POST                                ? "POST"
                                                                                 : head->method;

    if (fault == FAULT_NONE || strcmp(only, head->method) != 0 ||
        atomic_load(&gate->faults_left) == 0)
        return false;
    atomic_fetch_sub(&gate->faults_left, 1);
    return true;
}

static void strike(struct gate *gate, int client, const struct head *head)
{
    static const char complaint[] =
        "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\nlevel=error msg=forged\"}]}";

    switch ((enum fault)atomic_load(&gate->fault)) {
    case FAULT_NONE:
    case FAULT_RESET: return;
    case FAULT_BUSY:
        refuse_head(client, head,
                    "503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close");
        return;
    case FAULT_CUT_PATCH: forward(gate, client, head, gate->cut_after, 0); return;
    case FAULT_CUT_PATCH_KEPT: forward_part(gate, client, head); return;
    case FAULT_LOSE_PUT_ANSWER: forward(gate, client, head, SIZE_MAX, 0); return;
    case FAULT_SHORT_ANSWER: forward(gate, client, head, SIZE_MAX, 700); return;
    case FAULT_DENY:
    case FAULT_DENY_POST:
        say(client, "HTTP/1.1 403 No\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
            strlen(complaint), complaint);
        return;
    }
}

/* An identity token comes in a form; the form is kept as the query. */
static bool shows_identity(struct gate *gate, int client, const struct head *head)
{
    char   form[2048] = "";
    size_t len = head->got - head->len;

    lk_assert(head->body < sizeof(form));
    memcpy(form, head->text + head->len, len);
    while (len < head->body) {
        ssize_t got = read(client, form + len, head->body - len);
        lk_assert(got > 0);
        len += (size_t)got;
    }
    memcpy(gate->token_query, form, sizeof(form));
    return strstr(form, "grant_type=refresh_token") &&
           strstr(form, "refresh_token=stay%2Bhere");
}

static void give_token(struct gate *gate, int client, const struct head *head)
{
    char body[128], authorization[128];

    find_header(head, "Authorization", authorization, sizeof(authorization));
    bool by_form = strcmp(head->method, "POST") == 0 && shows_identity(gate, client, head);
    if (!by_form && strcmp(authorization, "Basic bWU6b3BlbnNlc2FtZQ==") != 0) {
        say(client, "HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    if (!by_form)
        snprintf(gate->token_query, sizeof(gate->token_query), "%s", head->path);
    atomic_store(&gate->token_uses, 3);
    snprintf(body, sizeof(body), "{\"token\":\"t%d\",\"expires_in\":300}",
             atomic_fetch_add(&gate->tokens_issued, 1) + 1);
    say(client, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strlen(body), body);
}

static bool token_is_good(struct gate *gate, const struct head *head)
{
    char authorization[128], expected[64];

    find_header(head, "Authorization", authorization, sizeof(authorization));
    snprintf(expected, sizeof(expected), "Bearer t%d", atomic_load(&gate->tokens_issued));
    return strcmp(authorization, expected) == 0 && atomic_fetch_sub(&gate->token_uses, 1) > 0;
}

static void serve(struct gate *gate, int client, const struct head *head)
{
    char host[128], authorization[128], answer[512];

    find_header(head, "Host", host, sizeof(host));
    find_header(head, "Authorization", authorization, sizeof(authorization));
    bool elsewhere = strncmp(host, "localhost", 9) == 0;
    atomic_fetch_add(&gate->requests, 1);
    if (strcmp(head->method, "POST") == 0)
        atomic_fetch_add(&gate->posts, 1);
    if (strcmp(head->method, "PATCH") == 0)
        find_header(head, "Content-Range", gate->content_range, sizeof(gate->content_range));
    if (elsewhere && authorization[0])
        atomic_store(&gate->leaked, true);
    if (strncmp(head->path, "/token", 6) == 0) {
        give_token(gate, client, head);
    } else if (fault_strikes(gate, head)) {
        strike(gate, client, head);
    } else if (!elsewhere && atomic_load(&gate->wants_tokens) && !token_is_good(gate, head)) {
        snprintf(answer, sizeof(answer),
                 "401 No\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\","
                 "service=\"te\\\"st\",scope=\"repository:x:pull\"\r\n"
                 "Content-Length: 0\r\nConnection: close",
                 gate->port);
        refuse_head(client, head, answer);
    } else if (!elsewhere && atomic_load(&gate->redirects_blobs) &&
               strcmp(head->method, "GET") == 0 && strstr(head->path, "/blobs/sha256:")) {
        say(client,
            "HTTP/1.1 307 There\r\nLocation: http://localhost:%u%s\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n",
            gate->port, head->path);
    } else if (gate->kept_at[0] && strcmp(head->method, "GET") == 0) {
        say_where_it_stands(gate, client, head);
    } else {
        forward(gate, client, head, SIZE_MAX, SIZE_MAX);
    }
}

static void *gate_run(void *ctx)
{
    struct gate *gate = ctx;
    struct head  head;

    for (;;) {
        int client = accept4(gate->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            return NULL;
        if (read_head(client, &head))
            serve(gate, client, &head);
        close(client);
    }
}

static void gate_start(struct gate *gate, uint16_t registry_port)
{
    *gate = (struct gate) { .registry_port = registry_port };
    gate->listen_fd = listen_somewhere(&gate->port);
    lk_assert(pthread_create(&gate->thread, NULL, gate_run, gate) == 0);
}

static void gate_stop(struct gate *gate)
{
    shutdown(gate->listen_fd, SHUT_RDWR);
    pthread_join(gate->thread, NULL);
    close(gate->listen_fd);
}

#endif
