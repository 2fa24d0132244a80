/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tests/tap.h"
#include "tests/unit/store/postgres_testing.h"

#include <pthread.h>

static struct postgres_server server;

static struct postgres *connect_with(const struct postgres_options *options)
{
    struct error error = {0};
    struct postgres *postgres = postgres_new(options, &error);
    EXPECT(postgres != NULL);
    bool connected = postgres != NULL && postgres_connect(postgres, &error);
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    EXPECT(connected);
    return postgres;
}

static struct postgres *connect_one(void)
{
    return connect_with(&(struct postgres_options){.connection = server.url, .name = "test"});
}

static void brings_values_there_and_back(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    struct postgres_params params = {0};
    struct postgres_rows rows;
    const char bytes[] = {'a', '\0', (char)0xff};
    params_int64(&params, INT64_MIN + 1);
    params_text(&params, SLICE("it's \\ \xC3\xA9 ; DROP TABLE x"));
    params_bytes(&params, slice_of(bytes, sizeof(bytes)));
    params_literal(&params, SLICE("{1,2,3}"));
    params_int64(&params, -7);
    EXPECT(postgres_query(postgres,
                          "SELECT $1, $2, $3, array_length($4::bigint[], 1), $5::smallint, true,"
                          " NULL::text, 40000::integer, false",
                          &params, &rows, &error));
    EXPECT_INT(rows.count, 1);
    EXPECT_INT(postgres_int64(&rows, 0, 0), INT64_MIN + 1);
    EXPECT_SLICE(postgres_slice(&rows, 0, 1), "it's \\ \xC3\xA9 ; DROP TABLE x");
    EXPECT(slice_eq(postgres_slice(&rows, 0, 2), slice_of(bytes, sizeof(bytes))));
    EXPECT_INT(postgres_int64(&rows, 0, 3), 3);
    EXPECT_INT(postgres_int64(&rows, 0, 4), -7);
    EXPECT(postgres_bool(&rows, 0, 5));
    EXPECT(postgres_is_null(&rows, 0, 6));
    EXPECT_INT(postgres_slice(&rows, 0, 6).len, 0);
    EXPECT_INT(postgres_int64(&rows, 0, 7), 40000);
    EXPECT(!postgres_bool(&rows, 0, 8));
    postgres_rows_release(&rows);
    postgres_free(postgres);
}

static void tells_refusals_and_goes_on(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    EXPECT(!postgres_run(postgres, "SELECT * FROM nowhere", NULL, NULL, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_failed");
    EXPECT_SLICE(slice_from_cstr(postgres_state(postgres)), "42P01");
    EXPECT(postgres_begin(postgres, &error));
    EXPECT(!postgres_run(postgres, "SELECT 1 / 0", NULL, NULL, &error));
    bool unsure = true;
    EXPECT(!postgres_commit(postgres, &unsure, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_failed");
    EXPECT(!unsure);
    EXPECT(postgres_run(postgres, "SELECT 1", NULL, NULL, &error));
    EXPECT(postgres_begin(postgres, &error));
    EXPECT(postgres_script(postgres, "CREATE TABLE public.gone(a int)", &error));
    postgres_rollback(postgres);
    EXPECT(!postgres_run(postgres, "SELECT * FROM public.gone", NULL, NULL, &error));
    postgres_free(postgres);
}

static void ends_slow_statements(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    int64_t began = clock_monotonic(&clock_system);
    EXPECT(postgres_set_patience(postgres, 100, &error));
    EXPECT(!postgres_run(postgres, "SELECT pg_sleep(20)", NULL, NULL, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_away");
    EXPECT(postgres_connected(postgres)); /* the server ended it, in time */
    EXPECT(clock_monotonic(&clock_system) - began < 10 * NS_PER_S);
    postgres_free(postgres);
}

static void gives_up_on_a_server_that_hangs(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    struct postgres *other = postgres_new(
        &(struct postgres_options){.connection = server.url, .name = "late", .connect_ms = 200},
        &error);
    EXPECT(postgres_set_patience(postgres, 100, &error));
    server_do(&server, "pause");
    EXPECT(!postgres_run(postgres, "SELECT 1", NULL, NULL, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_away");
    EXPECT(!postgres_connected(postgres));
    error_clear(&error);
    EXPECT(!postgres_connect(other, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_away");
    EXPECT(postgres_retry_ms(other) > 0);
    EXPECT(!postgres_connect(other, &error)); /* at once: it is not time yet */
    server_do(&server, "resume");
    EXPECT(postgres_connect(postgres, &error));
    postgres_free(other);
    postgres_free(postgres);
}

static void *stop_it(void *user)
{
    struct timespec pause = {.tv_nsec = 50 * NS_PER_MS};
    nanosleep(&pause, NULL);
    postgres_stop(user);
    return NULL;
}

static void is_stopped_by_another_thread(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    pthread_t thread;
    pthread_create(&thread, NULL, stop_it, postgres);
    int64_t began = clock_monotonic(&clock_system);
    EXPECT(!postgres_run(postgres, "SELECT pg_sleep(4)", NULL, NULL, &error));
    EXPECT(clock_monotonic(&clock_system) - began < 2 * NS_PER_S);
    pthread_join(thread, NULL);
    EXPECT_INT(postgres_wait(postgres, 10000), POSTGRES_STOPPED);
    EXPECT(!postgres_connect(postgres, &error));
    postgres_free(postgres);
}

static void hears_of_others(void)
{
    struct error error = {0};
    struct postgres *postgres =
        postgres_new(&(struct postgres_options){.connection = server.url, .name = "ear"}, &error);
    struct postgres *other = connect_one();
    EXPECT(postgres_listen(postgres, "test_channel", &error));
    EXPECT_INT(postgres_wait(postgres, 1), POSTGRES_TIME);
    EXPECT(postgres_connect(postgres, &error));
    EXPECT_INT(postgres_wait(postgres, 1), POSTGRES_TIME);
    EXPECT(postgres_script(other, "NOTIFY test_channel; NOTIFY test_channel, 'x'", &error));
    EXPECT_INT(postgres_wait(postgres, 5000), POSTGRES_NOTIFIED);
    EXPECT_INT(postgres_wait(postgres, 1), POSTGRES_TIME);
    postgres_wake(postgres);
    postgres_wake(postgres);
    EXPECT_INT(postgres_wait(postgres, 5000), POSTGRES_WOKEN);
    EXPECT_INT(postgres_wait(postgres, 1), POSTGRES_TIME);
    server_do(&server, "restart");
    EXPECT_INT(postgres_wait(postgres, 5000), POSTGRES_LOST);
    EXPECT(postgres_connect(postgres, &error)); /* and listens again */
    EXPECT(postgres_connect(other, &error));
    EXPECT(postgres_script(other, "NOTIFY test_channel", &error));
    EXPECT_INT(postgres_wait(postgres, 5000), POSTGRES_NOTIFIED);
    postgres_free(other);
    postgres_free(postgres);
}

static void copies_many_rows(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    struct buf rows = BUF_INIT(1 << 24);
    int64_t count = 0;
    for (int i = 0; i < 100000; i++) {
        buf_printf(&rows, "%d\tsome text that is not short, so that it takes a while\n", i);
    }
    EXPECT(postgres_script(postgres, "CREATE TABLE public.copied(a bigint PRIMARY KEY, b text)",
                           &error));
    EXPECT(postgres_copy_begin(postgres, "COPY public.copied FROM STDIN", &error));
    EXPECT(postgres_copy_put(postgres, buf_slice(&rows), &error));
    EXPECT(postgres_copy_end(postgres, &count, &error));
    EXPECT_INT(count, 100000);
    EXPECT(postgres_copy_begin(postgres, "COPY public.copied FROM STDIN", &error));
    EXPECT(postgres_copy_put(postgres, SLICE("1\tthere already\n"), &error));
    EXPECT(!postgres_copy_end(postgres, &count, &error));
    EXPECT_SLICE(slice_from_cstr(postgres_state(postgres)), "23505");
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "sql SELECT count(*) FROM public.copied")),
                 "100000");
    buf_release(&rows);
    postgres_free(postgres);
}

static void is_unsure_of_a_lost_commit(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    bool unsure = false;
    EXPECT(postgres_set_patience(postgres, 100, &error));
    EXPECT(postgres_begin(postgres, &error));
    EXPECT(postgres_script(postgres, "CREATE TABLE public.unsure(a int)", &error));
    server_do(&server, "pause");
    EXPECT(!postgres_commit(postgres, &unsure, &error));
    EXPECT(unsure);
    server_do(&server, "resume");
    postgres_free(postgres);
}

static void notices_a_killed_server(void)
{
    struct error error = {0};
    struct postgres *postgres = connect_one();
    server_do(&server, "kill");
    EXPECT(!postgres_connect(postgres, &error) ||
           !postgres_run(postgres, "SELECT 1", NULL, NULL, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_away");
    EXPECT_SLICE(slice_from_cstr(server_do(&server, "start")), "ok");
    while (!postgres_connect(postgres, &error)) {
        EXPECT_INT(postgres_wait(postgres, postgres_retry_ms(postgres)), POSTGRES_TIME);
    }
    EXPECT(postgres_run(postgres, "SELECT 1", NULL, NULL, &error));
    postgres_free(postgres);
}

/* Nothing of a connection string is in a text, wherever the mistake in it is. */
static void shows_no_secret(void)
{
    static const char *const strings[] = {
        "postgresql://user:geheim@127.0.0.1:notaport/x",
        "postgresql://user:geheim%zz@127.0.0.1/x",
        "geheim",
        "password=geheim nonsense",
        "postgresql://sluice:geheim@127.0.0.1:1/geheim",
        "host=127.0.0.1 port=1 password=geheim user=geheim",
    };
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct error error = {0};
        struct postgres *postgres = postgres_new(
            &(struct postgres_options){.connection = strings[i], .name = "test"}, &error);
        EXPECT(postgres == NULL || !postgres_connect(postgres, &error));
        EXPECT(error.code != NULL);
        EXPECT(strstr(error.text, "geheim") == NULL);
        postgres_free(postgres);
    }
    struct error error = {0};
    char url[512];
    snprintf(url, sizeof(url), "%s", server.url);
    char *password = strstr(url, "hunter2");
    CHECK(password != NULL);
    memcpy(password, "geheime", 7);
    struct postgres *postgres =
        postgres_new(&(struct postgres_options){.connection = url, .name = "test"}, &error);
    EXPECT(!postgres_connect(postgres, &error));
    EXPECT(strstr(error.text, "authentication failed") != NULL);
    EXPECT(strstr(error.text, "geheime") == NULL);
    postgres_free(postgres);
}

static bool refuse(struct postgres *postgres, void *user, struct error *error)
{
    (void)postgres;
    return error_set(error, ERROR_ENVIRONMENT, "authority_lost", "%s", (const char *)user);
}

static void obeys_who_judges_connections(void)
{
    struct error error = {0};
    char reason[] = "not this one";
    struct postgres *postgres = postgres_new(
        &(struct postgres_options){
            .connection = server.url, .name = "test", .on_connect = refuse, .user = reason},
        &error);
    EXPECT(!postgres_connect(postgres, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "not this one");
    EXPECT(!postgres_connected(postgres));
    EXPECT(!postgres_run(postgres, "SELECT 1", NULL, NULL, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "authority_away");
    postgres_free(postgres);
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(brings_values_there_and_back, "values come back as they were given");
    TEST(tells_refusals_and_goes_on, "a refused statement is told and ends no connection");
    TEST(ends_slow_statements, "a slow statement is ended by the server");
    TEST(gives_up_on_a_server_that_hangs, "a server that hangs is away after the deadline");
    TEST(is_stopped_by_another_thread, "another thread ends a statement and a wait");
    TEST(hears_of_others, "notifications and wakes end a wait, also after a restart");
    TEST(copies_many_rows, "many rows are copied, or none");
    TEST(is_unsure_of_a_lost_commit, "a commit without an answer is unsure");
    TEST(notices_a_killed_server, "a killed server is away until it is back");
    TEST(shows_no_secret, "no text holds a connection string or a password");
    TEST(obeys_who_judges_connections, "a connection that is judged bad is not used");
    server_end(&server);
    return tap_done();
}
