/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include "base/arena.h"
#include "base/memory.h"
#include "sim/server.h"

#include <pthread.h>
#include <string.h>

#define RULES_MAX ((size_t)16 << 20)

struct sim {
    struct net_loop loop;
    struct arena rules_memory;
    struct sim_rule *rules;
    struct sim_profile *profiles;
    struct sim_server *servers;
    size_t count;     /* of profiles */
    size_t listening; /* of servers: the first so many need release */
    uv_async_t stop;
    pthread_t thread;
    bool loop_ready;
    bool stop_ready;
    bool running;
};

/* --- rules --- */

static bool parse_rule(struct sim *sim, struct slice line, size_t number, struct error *error)
{
    struct slice model = slice_cut(&line, ' ');
    struct sim_rule *rule = ARENA_NEW(&sim->rules_memory, struct sim_rule);

    if (rule == NULL) {
        return error_set(error, ERROR_LIMIT, "rules", "too many rules");
    }
    rule->model = arena_copy(&sim->rules_memory, model);
    if (!sim_behaviours_add(&rule->behaviours, slice_trim(line))) {
        return error_set(error, ERROR_INVALID, "rules",
                         "line %zu of the rules: no simulated behaviour is called '%.*s'", number,
                         SLICE_ARG(slice_trim(line)));
    }
    rule->next = sim->rules;
    sim->rules = rule;
    return true;
}

static bool parse_rules(struct sim *sim, struct slice text, struct error *error)
{
    size_t number = 0;

    while (text.len > 0) {
        struct slice line = slice_cut(&text, '\n');
        line = slice_trim(slice_cut(&line, '#'));
        number++;
        if (line.len > 0 && !parse_rule(sim, line, number, error)) {
            return false;
        }
    }
    return !sim->rules_memory.exhausted || error_set(error, ERROR_LIMIT, "rules", "too many rules");
}

/* --- the thread --- */

static void on_stop(uv_async_t *async)
{
    struct sim *sim = async->data;

    for (size_t i = 0; i < sim->listening; i++) {
        sim_server_close(&sim->servers[i]);
    }
    uv_close((uv_handle_t *)async, NULL);
}

static void *run(void *argument)
{
    struct sim *sim = argument;

    (void)uv_run(&sim->loop.uv, UV_RUN_DEFAULT);
    return NULL;
}

static void release(struct sim *sim)
{
    if (sim->stop_ready && !sim->running) {
        on_stop(&sim->stop); /* the start failed half-way: this thread runs the loop out */
        (void)uv_run(&sim->loop.uv, UV_RUN_DEFAULT);
    }
    for (size_t i = 0; i < sim->listening; i++) {
        sim_server_release(&sim->servers[i]);
    }
    if (sim->loop_ready) {
        net_loop_release(&sim->loop);
    }
    arena_release(&sim->rules_memory);
    memory_free(sim->profiles);
    memory_free(sim->servers);
    memory_free(sim);
}

static bool set_up(struct sim *sim, const struct sim_options *options, struct error *error)
{
    if (sim->profiles == NULL || sim->servers == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    memcpy(sim->profiles, options->profiles, options->count * sizeof(*sim->profiles));
    sim->loop_ready =
        net_loop_init(&sim->loop, options->clock == NULL ? &clock_system : options->clock);
    if (!sim->loop_ready || uv_async_init(&sim->loop.uv, &sim->stop, on_stop) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "loop", "cannot make an event loop");
    }
    sim->stop.data = sim;
    sim->stop_ready = true;
    if (!parse_rules(sim, options->rules, error)) {
        return false;
    }
    for (size_t i = 0; i < options->count; i++) {
        sim->listening = i + 1;
        if (!sim_server_init(&sim->servers[i], &sim->loop, &sim->profiles[i], options, sim->rules,
                             error)) {
            return false;
        }
    }
    return true;
}

struct sim *sim_start(const struct sim_options *options, struct error *error)
{
    if (options->count == 0 || options->count > SIM_SERVERS_MAX) {
        error_set(error, ERROR_INVALID, "fleet", "a fleet has 1 to %d servers", SIM_SERVERS_MAX);
        return NULL;
    }
    struct sim *sim = memory_array(1, sizeof(*sim));
    if (sim == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    arena_init(&sim->rules_memory, RULES_MAX);
    sim->count = options->count;
    sim->profiles = memory_array(options->count, sizeof(*sim->profiles));
    sim->servers = memory_array(options->count, sizeof(*sim->servers));
    if (!set_up(sim, options, error)) {
        release(sim);
        return NULL;
    }
    if (pthread_create(&sim->thread, NULL, run, sim) != 0) {
        error_set(error, ERROR_ENVIRONMENT, "thread", "cannot start a thread");
        release(sim);
        return NULL;
    }
    sim->running = true;
    return sim;
}

uint16_t sim_port(const struct sim *sim, size_t index)
{
    CHECK(index < sim->count);
    return sim->servers[index].port;
}

void sim_stop(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    (void)uv_async_send(&sim->stop);
    (void)pthread_join(sim->thread, NULL);
    release(sim);
}
