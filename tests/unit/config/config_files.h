/* A temporary folder with configuration files, and a config with the groups of some modules. */
#ifndef TEST_CONFIG_FILES_H
#define TEST_CONFIG_FILES_H

#include "acl/acl_options.h"
#include "base/file.h"
#include "client/client_options.h"
#include "config/config_file.h"
#include "config_rig.h"
#include "observability/observability_options.h"
#include "persistence/persistence_options.h"
#include "replication/replication_options.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static struct client_settings client;
static struct persistence_settings persistence;
static struct acl_settings acl;
static struct replication_settings replication;
static struct observability_settings observability;

static inline void create_config(void)
{
    client = (struct client_settings){0};
    persistence = (struct persistence_settings){0};
    acl = (struct acl_settings){0};
    replication = (struct replication_settings){0};
    observability = (struct observability_settings){0};
    config = config_create();
    config_register(config, &client_options, &client, &client);
    config_register(config, &persistence_options, &persistence, NULL);
    config_register(config, &acl_options, &acl, NULL);
    config_register(config, &replication_options, &replication, NULL);
    config_register(config, &observability_options, &observability, NULL);
}

static inline void start_files(void)
{
    snprintf(folder, sizeof folder, "/tmp/sluice-config-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    snprintf(path, sizeof path, "%s/redis.conf", folder);
    buffer_init(&error, 65536);
    create_config();
}

static inline void stop_files(void)
{
    config_destroy(config);
    buffer_deinit(&error);
    DIR *entries = opendir(folder);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    closedir(entries);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(folder), 0);
}

static inline void write_file_named(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static inline int load_options(const char *text, const char *options)
{
    if (text)
        write_file_named("redis.conf", text);
    buffer_clear(&error);
    buffer_append(&error, "", 0);
    struct config_source source = {.path = text ? "redis.conf" : NULL, .options = options};
    return config_load(config, &source, &error);
}

static inline int load(const char *text)
{
    return load_options(text, NULL);
}

#endif
