/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use which endpoint, how it answers HEAD and wrong methods, and what errors look like.
 */
#include "store/key_change.h"
#include "tests/unit/gateway/gateway_harness.h"

#include "gateway/call.h"
#include "tests/unit/gateway/answers.h"

#include <sys/resource.h>
#include <sys/un.h>

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1', api_key: "         \
    "secret-of-a }\n"                                                                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"

#define OPEN "keys: { required: false }\n"
#define LOCKED "keys: { required: true }\n"

enum asker { STRANGER, KEYED, ADMIN, CALLERS };

struct access_case {
    const char *method;
    const char *path;
    const char *body;    /* NULL: none */
    int open;            /* status for a stranger while no key is required */
    int locked[CALLERS]; /* while one is */
};

#define CHAT ASK("first", "")

static const struct access_case cases[] = {
    {"GET", "/livez", NULL, 200, {200, 200, 200}},
    {"HEAD", "/livez", NULL, 200, {200, 200, 200}},
    {"GET", "/readyz", NULL, 200, {200, 200, 200}},
    {"GET", "/metrics", NULL, 200, {200, 200, 200}},
    {"GET", "/", NULL, 200, {200, 200, 200}},
    {"GET", "/v1/models", NULL, 200, {401, 200, 200}},
    {"HEAD", "/v1/models", NULL, 200, {401, 200, 200}},
    {"GET", "/v1/models/first", NULL, 200, {401, 200, 200}},
    {"GET", "/v1/models/%66irs%74", NULL, 200, {401, 200, 200}},
    {"GET", "/v1/models/first%", NULL, 400, {400, 400, 400}},
    {"GET", "/v1/models/first%zz", NULL, 400, {400, 400, 400}},
    {"GET", "/v1/models/none", NULL, 404, {401, 404, 404}},
    {"POST", "/v1/models", "{}", 405, {405, 405, 405}},
    {"POST", "/v1/chat/completions", CHAT, 200, {401, 200, 401}},
    {"GET", "/v1/chat/completions", NULL, 405, {405, 405, 405}},
    {"HEAD", "/v1/chat/completions", NULL, 405, {405, 405, 405}},
    {"POST", "/v1/chat/completions/", CHAT, 404, {404, 404, 404}},
    {"POST", "/sluice/v1/explain", CHAT, 200, {401, 200, 200}},
    {"POST", "/sluice/v1/explain", "{", 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls", NULL, 200, {401, 200, 200}},
    {"GET", "/sluice/v1/calls?limit=0&before=%00", NULL, 400, {400, 400, 400}},
    {"GET", "/sluice/v1/calls?limit=1000", NULL, 200, {401, 200, 200}},
    {"GET", "/sluice/v1/calls?limit=1001", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls?limit=0", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls?limit=abc", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls?limit=", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls/x", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/calls/01a20099-3365-7316-8bc1-24a206f20e74", NULL, 404, {401, 404, 404}},
    {"GET", "/sluice/v1/report?by=key&days=1", NULL, 200, {401, 400, 200}},
    {"GET", "/sluice/v1/report?by=model", NULL, 200, {401, 200, 200}},
    {"GET", "/sluice/v1/report?days=x", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/report?by=colour", NULL, 400, {401, 400, 400}},
    {"GET", "/sluice/v1/targets", NULL, 200, {403, 403, 200}},
    {"POST", "/sluice/v1/targets/first", "{\"on\":true}", 200, {403, 403, 200}},
    {"POST", "/sluice/v1/targets/first", "{\"on\":1}", 400, {403, 403, 400}},
    {"POST", "/sluice/v1/targets/none", "{\"on\":true}", 404, {403, 403, 404}},
    {"GET", "/sluice/v1/prices?filter=gpt-4", NULL, 200, {401, 200, 200}},
    {"GET", "/sluice/v1/keys", NULL, 200, {403, 403, 200}},
    {"GET", "/sluice/v1/keys?limit=0", NULL, 400, {403, 403, 400}},
    {"GET", "/sluice/v1/keys/1", NULL, 200, {403, 403, 200}},
    {"GET", "/sluice/v1/keys/99", NULL, 404, {403, 403, 404}},
    {"GET", "/sluice/v1/keys/x", NULL, 400, {403, 403, 400}},
    {"GET", "/sluice/v1/scopes", NULL, 200, {403, 403, 200}},
    /* What changes keys, and what was done to them, is never in front. */
    {"GET", "/sluice/v1/audit", NULL, 403, {403, 403, 200}},
    {"GET", "/sluice/v1/audit?limit=1001", NULL, 403, {403, 403, 400}},
    {"GET", "/sluice/v1/audit/verify", NULL, 403, {403, 403, 200}},
    {"GET", "/sluice/v1/audit/verify?expect=00", NULL, 403, {403, 403, 400}},
    {"POST", "/sluice/v1/keys", "{\"nam\":1}", 403, {403, 403, 400}},
    {"POST", "/sluice/v1/keys", "{\"name\":\"a\\r\\nb\"}", 403, {403, 403, 400}},
    {"POST", "/sluice/v1/keys/revoke", "{\"which\":\"none\"}", 403, {403, 403, 404}},
    {"POST", "/sluice/v1/keys/rotate", "{\"which\":\"none\"}", 403, {403, 403, 404}},
    {"POST", "/sluice/v1/keys/acknowledge", "{\"which\":\"1\"}", 403, {403, 403, 400}},
    {"POST", "/sluice/v1/keys/reseal", "{\"which\":\"1\"}", 403, {403, 403, 400}},
    {"POST", "/sluice/v1/limits", "{\"user\":\"u\",\"rpm\":1}", 403, {403, 403, 400}},
    {"GET", "/nowhere", NULL, 404, {404, 404, 404}},
    {"OPTIONS", "/v1/chat/completions", NULL, 405, {405, 405, 405}},
};

static char secret[KEY_TEXT_SIZE];
static struct http_server *admin;

/* One request of this caller on a connection of its own. */
static int ask(const struct access_case *c, enum asker caller, const char *headers,
               struct buf *ret_body)
{
    struct client client;
    struct buf request = {.limit = 1u << 20};
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", c->method,
               c->path, headers);
    if (caller == KEYED) {
        buf_printf(&request, "Authorization: Bearer %s\r\n", secret);
    }
    if (c->body != NULL) {
        buf_printf(&request, "Content-Length: %zu\r\n", strlen(c->body));
    }
    buf_printf(&request, "\r\n%s", c->body == NULL ? "" : c->body);
    if (caller == ADMIN) {
        int fds[2];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
        client = (struct client){.fd = fds[1], .in = BUF_INIT(1u << 28)};
        CHECK(http_server_adopt(admin, fds[0]));
    } else {
        client_open(&client);
    }
    client.out = buf_slice(&request);
    UNTIL(&client, client.closed);
    (void)client_body(&client, ret_body);
    int status = client_status(&client);
    bool head = strcmp(c->method, "HEAD") == 0;
    if (status == 405) {
        EXPECT_SLICE(client_header(&client, "allow"),
                     strcmp(c->path, "/v1/models") == 0 ? "GET, HEAD" : "POST");
    }
    EXPECT(!head || client.in.len == client_head(&client).len + 2);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("secret-of-a")) == SIZE_MAX);
    client_close(&client);
    buf_release(&request);
    return status;
}

static void check(const struct access_case *c, enum asker caller, int wanted)
{
    struct buf body = {.limit = 1u << 24};
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    int status = ask(c, caller, "Content-Type: application/json\r\n", &body);
    if (status != wanted) {
        printf("# %s %s: %.*s\n", c->method, c->path, SLICE_ARG(buf_slice(&body)));
    }
    EXPECT_INT(status, wanted);
    if (status >= 400 && strcmp(c->method, "HEAD") != 0) {
        EXPECT(slice_starts(buf_slice(&body), SLICE("{\"error\":{\"message\":\"")));
        EXPECT(slice_find_slice(buf_slice(&body), SLICE("\"code\":\"")) != SIZE_MAX);
        EXPECT(slice_find_slice(buf_slice(&body), SLICE("\"code\":\"\"")) == SIZE_MAX);
    }
    buf_release(&body);
}

static void open_access(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&cases[i], STRANGER, cases[i].open);
    }
}

static void locked_access(void)
{
    EXPECT(harness_publish(YAML LOCKED, 2));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int caller = 0; caller < CALLERS; caller++) {
            check(&cases[i], (enum asker)caller, cases[i].locked[caller]);
        }
    }
    EXPECT(harness_publish(YAML OPEN, 3));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
}

/* While no key is required, a page in the user's browser must not be able to ask. */
static void foreign_pages(void)
{
    static const struct {
        const char *headers;
        int status;
    } pages[] = {
        {"Content-Type: application/json\r\nOrigin: https://evil.example\r\n", 200},
        {"Content-Type: text/plain\r\nOrigin: https://evil.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Content-Type: text/plain\r\n", 200},
    };
    const struct access_case chat = {
        .method = "POST", .path = "/v1/chat/completions", .body = CHAT};
    struct buf body = {.limit = 1u << 20};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
        EXPECT_INT(ask(&chat, STRANGER, pages[i].headers, &body), pages[i].status);
    }
    buf_release(&body);
}

static int ask_path(const char *path, const char *host)
{
    struct client client;
    struct buf request = {.limit = 4096};
    struct buf body = {.limit = 1u << 20};
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
    int status = harness_ask(buf_slice(&request), &client, &body);
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    return status;
}

static int ask_host(const char *host)
{
    return ask_path("/v1/models", host);
}

static void hosts(void)
{
    EXPECT_INT(ask_host("localhost:4141"), 200);
    EXPECT_INT(ask_host("LocalHost"), 200);
    EXPECT_INT(ask_host("127.0.0.1:4141"), 200);
    EXPECT_INT(ask_host("[::1]:4141"), 200);
    EXPECT_INT(ask_host("app.localhost"), 200);
    EXPECT_INT(ask_host("evil.example"), 403);
    EXPECT_INT(ask_host("localhost.evil.example:4141"), 403);
    EXPECT_INT(ask_host("127.0.0.1.evil.example"), 403);
    EXPECT_INT(ask_path("/metrics", "evil.example"), 403);
    EXPECT_INT(ask_path("/metrics", "localhost:4141"), 200);
    EXPECT_INT(ask_path("/livez", "evil.example"), 200);
}

/* What a stranger without a key asked is counted, and leaves no row. */
static void stranger_leaves_nothing(void)
{
    struct client client;
    struct buf request = {.limit = 1u << 20};
    struct buf body = {.limit = 1u << 20};
    uint64_t before = atomic_load(&h.worker->metrics.unauthorized);
    EXPECT(harness_publish(YAML LOCKED, 4));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    struct ledger_stats stats;
    ledger_stats(h.gateway.ledger, &stats);
    uint64_t rows = stats.rows;
    int status = harness_ask(post_text("/v1/chat/completions", "Authorization: Bearer sk-sl-x\r\n",
                                       slice_from_cstr(CHAT), &request),
                             &client, &body);
    EXPECT_INT(status, 401);
    EXPECT_INT(atomic_load(&h.worker->metrics.unauthorized), before + 1);
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    ledger_stats(h.gateway.ledger, &stats);
    EXPECT_INT(stats.rows, rows);
    EXPECT_INT(script_of('a')->requests, 0);
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
}

/* While no descriptor is left the loop must not be woken over and over for a client that cannot be
 * accepted; afterwards it is. */
static void admin_rests(void)
{
    struct error error;
    struct rlimit limit;
    struct rlimit none;
    struct client asking = {.in = BUF_INIT(1u << 20),
                            .out = SLICE("GET /livez HTTP/1.1\r\n"
                                         "Host: localhost\r\n\r\n")};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/admin", h.directory);
    EXPECT(worker_listen_admin(h.worker, address.sun_path, &error));
    asking.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    EXPECT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    EXPECT(connect(asking.fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    UNTIL(NULL, !uv_is_active((const uv_handle_t *)&h.worker->admin_poll));
    EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    UNTIL(&asking, client_done(&asking));
    EXPECT_INT(client_status(&asking), 200);
    client_close(&asking);
}

static void admin_begin(void)
{
    struct http_server_options options = {.limits = http_default_limits,
                                          .handler = &gateway_handler,
                                          .owner = &h.worker->admin_listener};
    admin = http_server_new(&h.worker->loop, &options);
    CHECK(admin != NULL);
}

static void admin_end(void)
{
    h.worker->admin = admin; /* from here on the worker drains and frees it */
    h.worker->drained_admin = false;
}

int main(void)
{
    const struct key_actor tester = {.name = SLICE("tester"), .wall_ns = NS_PER_S};
    struct error error;
    struct key key;
    harness_begin(YAML OPEN, true);
    CHECK(key_create(h.database, &(struct key_order){.name = SLICE("test")}, &tester, secret, &key,
                     &error));
    key_set_unref(h.gateway.keys);
    h.gateway.keys = key_set_load(h.database, &error);
    CHECK(h.gateway.keys != NULL);
    gateway_tell_workers(&h.gateway);
    admin_begin();
    TEST(open_access, "while no key is required every endpoint is open");
    TEST(foreign_pages, "... but not to web pages of other sites");
    TEST(hosts, "... nor under foreign names");
    TEST(locked_access, "while keys are required each endpoint has its rule");
    script_set('a', (struct slice)SLICE_INIT(""), AFTER_HANG);
    TEST(stranger_leaves_nothing, "a stranger is counted and leaves nothing");
    admin_end();
    harness_end();
    harness_begin(YAML OPEN, true);
    TEST(admin_rests, "the admin socket rests while no descriptor is left");
    harness_end();
    return tap_done();
}
