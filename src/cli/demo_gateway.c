/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* nftw */
#include "cli/demo_gateway.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool demo_gateway_directory(struct demo_gateway *demo, struct error *error)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(demo->directory, sizeof(demo->directory), "%s/sluice-demo-XXXXXX",
                       base != NULL && strlen(base) < 32 ? base : "/tmp");
    if (len <= 0 || mkdtemp(demo->directory) == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_directory",
                         "a temporary directory could not be made");
    }
    snprintf(demo->ledger, sizeof(demo->ledger), "%s/sluice.db", demo->directory);
    return true;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void demo_gateway_clean(struct demo_gateway *demo)
{
    if (demo->directory[0] != '\0') {
        nftw(demo->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}

static void on_ready(void *user, struct gateway *gateway)
{
    struct demo_gateway *demo = user;
    pthread_mutex_lock(&demo->lock);
    demo->port = gateway->ports[0];
    demo->ready = true;
    pthread_cond_signal(&demo->changed);
    pthread_mutex_unlock(&demo->lock);
}

static void *demo_main(void *argument)
{
    struct demo_gateway *demo = argument;
    const struct gateway_options options = {
        .clock = &clock_system,
        .snapshot = snapshot_ref(demo->snapshot),
        .user = demo,
        .on_ready = on_ready,
    };
    bool ok = gateway_run(&demo->gateway, &options, &demo->error);
    pthread_mutex_lock(&demo->lock);
    demo->ok = ok;
    demo->over = true;
    pthread_cond_signal(&demo->changed);
    pthread_mutex_unlock(&demo->lock);
    return NULL;
}

static struct snapshot *load(struct demo_gateway *demo, const struct demo_fleet *fleet,
                             struct error *error)
{
    struct buf text = BUF_INIT(1u << 16);
    struct diagnostics diagnostics;
    demo_fleet_write_config(fleet, "127.0.0.1:0", demo->ledger, &text);
    const struct config_options options = {
        .file = "demo",
        .environment = &config_environment_process,
        .wall_s = clock_wall(&clock_system) / NS_PER_S,
        .generation = 1,
    };
    struct snapshot *snapshot = config_load(buf_slice(&text), &options, &diagnostics);
    if (snapshot == NULL) {
        error_set(error, ERROR_INVALID, "bad_demo", "%s",
                  diagnostics.count > 0 ? diagnostics.items[0].message : "no configuration");
    } else {
        snapshot->simulated = true;
        snapshot->log.access = false;
    }
    diagnostics_release(&diagnostics);
    buf_release(&text);
    return snapshot;
}

bool demo_gateway_start(struct demo_gateway *demo, const struct demo_fleet *fleet,
                        struct error *error)
{
    demo->snapshot = load(demo, fleet, error);
    if (demo->snapshot == NULL) {
        return false;
    }
    pthread_mutex_init(&demo->lock, NULL);
    pthread_cond_init(&demo->changed, NULL);
    if (pthread_create(&demo->thread, NULL, demo_main, demo) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "thread", "a thread could not be started");
    }
    pthread_mutex_lock(&demo->lock);
    while (!demo->ready && !demo->over) {
        pthread_cond_wait(&demo->changed, &demo->lock);
    }
    bool ready = demo->ready;
    pthread_mutex_unlock(&demo->lock);
    if (!ready) {
        pthread_join(demo->thread, NULL);
        *error = demo->error;
    }
    return ready;
}

void demo_gateway_stop(struct demo_gateway *demo)
{
    gateway_stop(&demo->gateway, 2000);
    pthread_join(demo->thread, NULL);
    pthread_cond_destroy(&demo->changed);
    pthread_mutex_destroy(&demo->lock);
}
