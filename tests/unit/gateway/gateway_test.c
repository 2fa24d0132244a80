/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* nftw */
/*
 * The whole gateway with its threads: it starts, reloads on SIGHUP and when a price gets a new
 * date, and drains. The gateway runs on the main thread as in life; a second one asks it.
 */
#include "gateway/gateway.h"

#include "base/log.h"

#include "tests/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the next reload reads; changed by the asking thread while no reload runs. */
struct scene {
    struct gateway gateway;
    _Atomic(const char *) yaml;
    atomic_bool broken; /* the next configuration has errors */
    sem_t ready;
    sem_t loaded; /* a reload was read */
    atomic_int loads;
    int (*act)(struct scene *scene);
};

static struct scene scene;
static int64_t prices_until_s = INT64_MAX; /* of the first configuration */

#define BASE                                                                                       \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:9/v1' }\n"                      \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"
#define NO_LEDGER "ledger: { enabled: false }\n"
#define LOOPBACK "server: { listen: '127.0.0.1:0', workers: 2 }\n"

static const char *no_environment(const struct config_environment *environment, const char *name)
{
    (void)environment;
    (void)name;
    return NULL;
}

static struct snapshot *load(void *user, uint64_t generation)
{
    static const struct config_environment environment = {.get = no_environment};
    struct scene *s = user;
    const struct config_options options = {.file = "/t.yaml",
                                           .environment = &environment,
                                           .wall_s = 1800000000,
                                           .generation = generation};
    struct diagnostics diagnostics;
    struct snapshot *snapshot =
        config_load(slice_from_cstr(s->broken ? "servre: 1\n" : s->yaml), &options, &diagnostics);
    for (size_t i = 0; i < diagnostics.count && !s->broken; i++) {
        printf("# %s\n", diagnostics.items[i].message);
    }
    diagnostics_release(&diagnostics);
    if (snapshot != NULL) {
        snapshot->prices_until_s = generation == 1 ? prices_until_s : INT64_MAX;
    }
    if (generation > 1) {
        atomic_fetch_add(&s->loads, 1);
        sem_post(&s->loaded);
    }
    return snapshot;
}

static void on_ready(void *user, struct gateway *gateway)
{
    struct scene *s = user;
    (void)gateway;
    sem_post(&s->ready);
}

/* Status of a GET on the first listener, 0 when nobody answers; *ret_text gets the rest. */
static int get(const char *path, char *text, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(scene.gateway.ports[0])};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    int status = 0;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        int n = snprintf(text, size,
                         "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
        EXPECT_INT(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
        ssize_t got;
        while (len < size - 1 && (got = recv(fd, text + len, size - 1 - len, 0)) > 0) {
            len += (size_t)got;
        }
        text[len] = '\0';
        status = len > 12 ? (int)strtol(text + 9, NULL, 10) : 0;
    }
    close(fd);
    return status;
}

static int ask(const char *path)
{
    char text[8192];
    return get(path, text, sizeof(text));
}

/* A gauge of /metrics. */
static double gauge(const char *name)
{
    static char text[1 << 18];
    char line[128];
    EXPECT_INT(get("/metrics", text, sizeof(text)), 200);
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *at = strstr(text, line);
    EXPECT(at != NULL);
    return at == NULL ? -1 : strtod(at + strlen(line), NULL);
}

/* Until the configuration was read again and this generation is in force. */
static void wait_for(uint64_t wanted_generation)
{
    uint64_t generation = 0;
    sem_wait(&scene.loaded);
    for (int i = 0; i < 200000 && generation != wanted_generation; i++) {
        struct snapshot *snapshot = gateway_snapshot(&scene.gateway);
        generation = snapshot->generation;
        snapshot_unref(snapshot);
        sched_yield();
    }
    EXPECT_INT(generation, wanted_generation);
}

static void hang_up(uint64_t wanted_generation)
{
    kill(getpid(), SIGHUP);
    wait_for(wanted_generation);
}

/* How a reload went is told after it was read; what is refused has no generation to wait for. */
static void wait_for_failure(void)
{
    double succeeded = 1;
    for (int i = 0; i < 2000 && succeeded > 0; i++) {
        succeeded = gauge("sluice_config_last_reload_success");
    }
    EXPECT_INT(succeeded, 0);
}

static void *act(void *user)
{
    struct scene *s = user;
    sem_wait(&s->ready);
    s->act(s);
    gateway_stop(&s->gateway, 1000);
    return NULL;
}

static bool run(const char *yaml, int (*acts)(struct scene *), struct error *error)
{
    pthread_t thread;
    memset(&scene, 0, sizeof(scene));
    scene.yaml = yaml;
    scene.act = acts;
    sem_init(&scene.ready, 0, 0);
    sem_init(&scene.loaded, 0, 0);
    struct snapshot *snapshot = load(&scene, 1);
    CHECK(snapshot != NULL);
    const struct gateway_options options = {.clock = &clock_system,
                                            .snapshot = snapshot,
                                            .reload = load,
                                            .user = &scene,
                                            .on_ready = on_ready};
    CHECK(pthread_create(&thread, NULL, act, &scene) == 0);
    bool ok = gateway_run(&scene.gateway, &options, error);
    pthread_join(thread, NULL);
    return ok;
}

static int start_and_stop(struct scene *s)
{
    EXPECT_INT(s->gateway.worker_count, 2);
    EXPECT(s->gateway.ports[0] != 0);
    EXPECT_INT(ask("/livez"), 200);
    EXPECT_INT(ask("/readyz"), 200);
    EXPECT_INT(ask("/v1/models/first"), 200);
    EXPECT_INT(ask("/sluice/v1/report"), 404); /* there is no ledger */
    return 0;
}

static void starts(void)
{
    struct error error;
    EXPECT(run(LOOPBACK BASE NO_LEDGER, start_and_stop, &error));
}

static int reload_three(struct scene *s)
{
    EXPECT_INT(gauge("sluice_config_last_reload_success"), 1);
    s->yaml = LOOPBACK BASE "  second: { provider: a, model: mb, price: { input_per_mtok: 1, "
                            "output_per_mtok: 2 } }\n" NO_LEDGER;
    EXPECT_INT(ask("/v1/models/second"), 404);
    hang_up(2);
    EXPECT_INT(gauge("sluice_config_last_reload_success"), 1);
    EXPECT(gauge("sluice_config_last_reload_timestamp_seconds") > 1e9);
    int status = 404;
    for (int i = 0; i < 2000 && status != 200; i++) {
        status = ask("/v1/models/second"); /* workers notice one by one */
    }
    EXPECT_INT(status, 200);
    s->broken = true;
    hang_up(2);
    EXPECT_INT(ask("/v1/models/first"), 200);
    wait_for_failure();
    s->broken = false;
    s->yaml =
        "server: { listen: '127.0.0.1:1', workers: 3 }\ncaps: { time_zone: Asia/Tokyo }\n" BASE
            NO_LEDGER;
    hang_up(3);
    return 0;
}

static void reloads(void)
{
    struct error error;
    EXPECT(run(LOOPBACK BASE NO_LEDGER, reload_three, &error));
}

/* The listeners of the start stay: behind them no key may become optional. */
static int open_the_door(struct scene *s)
{
    EXPECT_INT(ask("/v1/models"), 401);
    s->yaml = LOOPBACK BASE NO_LEDGER;
    hang_up(1);
    wait_for_failure();
    EXPECT_INT(ask("/v1/models"), 401);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void stays_locked(void)
{
    struct error error;
    char yaml[1024];
    char database[] = "/tmp/sluice-gateway-XXXXXX";
    CHECK(mkdtemp(database) != NULL);
    snprintf(yaml, sizeof(yaml),
             "server: { listen: '0.0.0.0:0', workers: 1 }\nkeys: { required: true }\n%s"
             "ledger: { path: '%s/ledger.db', segment_bytes: 1MB }\n",
             BASE, database);
    EXPECT(run(yaml, open_the_door, &error));
    EXPECT_INT(nftw(database, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int wait_for_prices(struct scene *s)
{
    wait_for(2);
    EXPECT_INT(ask("/livez"), 200);
    EXPECT_INT(atomic_load(&s->loads), 1); /* the new one's prices are good for ever */
    return 0;
}

static void prices_change(void)
{
    struct error error;
    prices_until_s = 1;
    EXPECT(run(LOOPBACK BASE NO_LEDGER, wait_for_prices, &error));
    prices_until_s = clock_wall(&clock_system) / NS_PER_S + 1;
    EXPECT(run(LOOPBACK BASE NO_LEDGER, wait_for_prices, &error));
}

static int nothing(struct scene *s)
{
    (void)s;
    return ask("/livez");
}

static void insecure_provider(void)
{
    struct error error;
    EXPECT(run(LOOPBACK "providers:\n"
                        "  shady: { preset: openai-compatible, base_url: 'https://127.0.0.1:1/v1', "
                        "insecure_skip_verify: true }\n"
                        "targets:\n"
                        "  first: { provider: shady, model: m, price: { input_per_mtok: 1, "
                        "output_per_mtok: 2 } }\n" NO_LEDGER,
               nothing, &error));
}

static FILE *log_file;

/* What an operator read of it all. */
static void log_tells(void)
{
    static const char *const events[] = {"insecure_provider", "prices_changed", "reload_failed",
                                         "reloaded",          "restart_needed", "draining"};
    static char text[1 << 16];
    rewind(log_file);
    text[fread(text, 1, sizeof(text) - 1, log_file)] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        char member[64];
        snprintf(member, sizeof(member), "\"event\":\"%s\"", events[i]);
        EXPECT(strstr(text, member) != NULL);
    }
    EXPECT(strstr(text, "provider shady has insecure_skip_verify") != NULL);
    EXPECT(strstr(text, "another caps.time_zone takes effect at the next start") != NULL);
}

int main(void)
{
    log_file = tmpfile();
    CHECK(log_file != NULL);
    log_start(fileno(log_file), LOG_FORMAT_JSON, LOG_INFO);
    TEST(starts, "it starts, answers and stops");
    TEST(reloads, "SIGHUP puts a new configuration in force, and a broken one not");
    TEST(stays_locked, "a reload cannot make keys optional on a listener that others reach");
    TEST(prices_change, "the configuration is read again when a price gets a new date");
    TEST(insecure_provider, "a provider whose certificate is not verified is served");
    log_stop();
    TEST(log_tells, "the log tells of all that, and warns of the unverified provider");
    fclose(log_file);
    return tap_done();
}
