/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real PostgreSQL for a test program: tests/harness/postgres.py runs it and obeys one line at a
 * time; it ends with this process, however that ends.
 */
#ifndef TESTS_POSTGRES_TESTING_H
#define TESTS_POSTGRES_TESTING_H

#include "base/check.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct postgres_server {
    pid_t pid;
    FILE *to;
    FILE *from;
    char url[256];
    char answer[65536];
};

static inline void server_read(struct postgres_server *server, char *line, size_t size)
{
    if (fgets(line, (int)size, server->from) == NULL) {
        line[0] = '\0';
    }
    line[strcspn(line, "\n")] = '\0';
}

/* False: PostgreSQL or Python is not there (the reason is on stderr). */
static inline bool server_start(struct postgres_server *server)
{
    int to[2];
    int from[2];
    posix_spawn_file_actions_t actions;
    char *const arguments[] = {(char[]){"python3"}, (char[]){"-m"},
                               (char[]){"tests.harness.postgres"}, NULL};
    CHECK(pipe(to) == 0 && pipe(from) == 0 && fcntl(to[0], F_SETFD, FD_CLOEXEC) == 0 &&
          fcntl(to[1], F_SETFD, FD_CLOEXEC) == 0 && fcntl(from[0], F_SETFD, FD_CLOEXEC) == 0 &&
          fcntl(from[1], F_SETFD, FD_CLOEXEC) == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    bool spawned =
        posix_spawnp(&server->pid, arguments[0], &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    server->to = fdopen(to[1], "w");
    server->from = fdopen(from[0], "r");
    server_read(server, server->url, sizeof(server->url));
    return spawned && server->url[0] != '\0';
}

/* What it answers: "ok", or the rows of "sql ...". */
static inline const char *server_do(struct postgres_server *server, const char *line)
{
    fprintf(server->to, "%s\n", line);
    fflush(server->to);
    server_read(server, server->answer, sizeof(server->answer));
    return server->answer;
}

static inline void server_end(struct postgres_server *server)
{
    fclose(server->to);
    fclose(server->from);
    waitpid(server->pid, NULL, 0);
}

#endif
