/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cluster.h"

#include "base/memory.h"
#include "gateway/call_wait.h"
#include "gateway/gateway.h"

#define TELL_MS 500
#define SHIP_CLOSE_MS 3000 /* what it does not manage waits in the ledger for the next start */

/* On the follower's thread: true when every worker has the keys, and PostgreSQL knows what was
 * spent here before of caps that are new or changed. */
static bool take_keys(void *user, struct error *error)
{
    struct gateway *gateway = user;
    int64_t until_ns = clock_monotonic(&clock_system) + TELL_MS * NS_PER_MS;
    if (!gateway_refresh_keys(gateway, error)) {
        return false;
    }
    while (!budget_lease_asserted(gateway->budget, LEASE_CAPS)) {
        if (clock_monotonic(&clock_system) >= until_ns) {
            return error_set(error, ERROR_ENVIRONMENT, "leases_pending",
                             "PostgreSQL was not told yet what was spent before under caps that "
                             "are new or changed");
        }
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    return true;
}

static bool open_member(struct gateway *gateway, const struct cluster_settings *settings,
                        struct error *error)
{
    char *connection = strndup(settings->postgres.ptr, settings->postgres.len);
    if (connection == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    const struct member_options options = {
        .path = gateway->ledger_path,
        .node = settings->node,
        .connection = connection,
        .version = SLUICE_VERSION,
    };
    gateway->cluster.member = member_new(&options, error);
    memory_wipe(connection, strlen(connection));
    free(connection);
    return gateway->cluster.member != NULL;
}

bool gateway_cluster_open(struct gateway *gateway, struct error *error)
{
    const struct cluster_settings *settings = &gateway->options.snapshot->cluster;
    if (settings->postgres.len == 0) {
        return true;
    }
    if (gateway->ledger == NULL) {
        return error_set(error, ERROR_INVALID, "cluster_ledger",
                         "a node of a cluster needs a ledger: set ledger.path");
    }
    if (!open_member(gateway, settings, error)) {
        return false;
    }
    gateway->cluster.share = share_new(&(struct share_options){.member = gateway->cluster.member,
                                                               .on_applied = take_keys,
                                                               .user = gateway},
                                       error);
    gateway->cluster.ship = ship_new(
        &(struct ship_options){.member = gateway->cluster.member,
                               .retention_ms = gateway->options.snapshot->ledger_retention_ms},
        error);
    gateway->cluster.reports = cluster_reports_new(gateway->cluster.member, error);
    return gateway->cluster.share != NULL && gateway->cluster.ship != NULL &&
           gateway->cluster.reports != NULL;
}

/* On a thread of leases: there is something for calls that wait. */
static void wake_waiting(void *user)
{
    struct gateway *gateway = user;
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        call_wait_wake(gateway->workers[i]);
    }
}

bool gateway_cluster_lease(struct gateway *gateway, struct error *error)
{
    const struct snapshot *snapshot = gateway->options.snapshot;
    if (gateway->cluster.member == NULL) {
        return true;
    }
    gateway->lease_wait_ns = snapshot->cluster.lease_wait_ms * NS_PER_MS;
    const struct lease_postgres_options options = {
        .member = gateway->cluster.member,
        .budget = gateway->budget,
        .time_zone = snapshot->caps.time_zone.len > 0 ? snapshot->caps.time_zone : SLICE("UTC"),
        .wait_ns = gateway->lease_wait_ns,
        .allows_away = snapshot->cluster.allows_away,
        .moved = wake_waiting,
        .user = gateway,
    };
    gateway->cluster.leases = lease_postgres_new(&options, error);
    return gateway->cluster.leases != NULL;
}

bool gateway_cluster_start(struct gateway *gateway, struct error *error)
{
    return gateway->cluster.member == NULL ||
           (share_start(gateway->cluster.share, error) &&
            ship_start(gateway->cluster.ship, error) &&
            lease_postgres_start(gateway->cluster.leases, error));
}

void gateway_cluster_stop(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->keys_reading); /* who reads keys tells of new limits to lease */
    struct lease_postgres *leases = gateway->cluster.leases;
    gateway->cluster.leases = NULL;
    pthread_mutex_unlock(&gateway->keys_reading);
    lease_postgres_free(leases);
    share_free(gateway->cluster.share);
    cluster_reports_free(gateway->cluster.reports);
    gateway->cluster.share = NULL;
    gateway->cluster.reports = NULL;
}

void gateway_cluster_close(struct gateway *gateway)
{
    ship_free(gateway->cluster.ship, SHIP_CLOSE_MS);
    member_free(gateway->cluster.member);
    gateway->cluster = (struct gateway_cluster){0};
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   double value)
{
    buf_printf(out, "# HELP sluice_ship_%s %s\n# TYPE sluice_ship_%s %s\nsluice_ship_%s %.9g\n",
               name, help, name, type, name, value);
}

void gateway_cluster_metrics(struct gateway *gateway, struct buf *out)
{
    struct ship_stats stats;
    if (gateway->cluster.ship == NULL) {
        return;
    }
    ship_stats(gateway->cluster.ship, &stats);
    metric(out, "up", "gauge", "1: the ledger goes to PostgreSQL.", stats.away ? 0 : 1);
    metric(out, "batches_behind", "gauge", "Batches of the ledger that PostgreSQL does not have.",
           stats.last > stats.seq ? (double)(stats.last - stats.seq) : 0);
    metric(out, "calls_behind", "gauge", "Calls in them, as of the last seconds.",
           (double)stats.calls_behind);
    metric(out, "age_seconds", "gauge", "Since the end of the oldest of these calls.",
           (double)stats.age_ms / 1000);
    metric(out, "calls_total", "counter", "Calls that went to PostgreSQL.", (double)stats.calls);
    metric(out, "failures_total", "counter", "Tries that failed.", (double)stats.failures);
}
