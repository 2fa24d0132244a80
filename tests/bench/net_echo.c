/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server alone, for measuring: answers every request with "ok", or with its own body if it
 * has one. Listens on 127.0.0.1, prints the port, ends on SIGTERM. Usage: net_echo [PORT]
 */
#include "net/http_server.h"

#include <signal.h>
#include <stdio.h>

static const struct http_header headers[] = {
    {SLICE_INIT("Content-Type"), SLICE_INIT("text/plain")},
};

static void on_head(struct http_exchange *x)
{
    if (http_exchange_request(x)->content_length == 0) {
        http_respond(x, 200, headers, ARRAY_LEN(headers), SLICE("ok"));
        return;
    }
    http_accept_body(x, SIZE_MAX);
}

static void on_body(struct http_exchange *x, struct slice body)
{
    http_respond(x, 200, headers, ARRAY_LEN(headers), body);
}

static void on_end(struct http_exchange *x, const enum http_gone *gone)
{
    (void)x;
    (void)gone;
}

static const struct http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
};

static void on_drained(void *owner)
{
    *(bool *)owner = true;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    http_server_drain(signal->data, 0, on_drained);
    uv_close((uv_handle_t *)signal, NULL);
}

int main(int argc, char **argv)
{
    struct net_loop loop;
    struct error error;
    bool drained = false;
    uint16_t port = 0;
    char address[32];
    uv_signal_t signal;
    struct http_server_options options = {
        .limits = http_default_limits, .handler = &handler, .owner = &drained};

    options.limits.requests_per_connection = 0;
    if (!net_loop_init(&loop, &clock_system)) {
        return 1;
    }
    struct http_server *server = http_server_new(&loop, &options);
    snprintf(address, sizeof(address), "127.0.0.1:%s", argc > 1 ? argv[1] : "0");
    if (server == NULL ||
        !http_server_listen(server, slice_from_cstr(address), false, &port, &error)) {
        fprintf(stderr, "%s\n", server == NULL ? "out of memory" : error.text);
        return 1;
    }
    uv_signal_init(&loop.uv, &signal);
    signal.data = server;
    uv_signal_start(&signal, on_signal, SIGTERM);
    printf("%u\n", port);
    fflush(stdout);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    http_server_free(server);
    net_loop_release(&loop);
    return drained ? 0 : 1;
}
