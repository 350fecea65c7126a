/* Copies of the TLS settings, and fingerprints of the files they name. No OpenSSL here. */
#include "io/tls_context.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/tls_progress.h"
#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Every string of the struct, so that no copy or free forgets one. */
static const size_t strings[] = {
    offsetof(struct tls_settings, cert_file),
    offsetof(struct tls_settings, key_file),
    offsetof(struct tls_settings, key_file_pass),
    offsetof(struct tls_settings, client_cert_file),
    offsetof(struct tls_settings, client_key_file),
    offsetof(struct tls_settings, client_key_file_pass),
    offsetof(struct tls_settings, dh_params_file),
    offsetof(struct tls_settings, ca_cert_file),
    offsetof(struct tls_settings, ca_cert_dir),
    offsetof(struct tls_settings, crl_file),
    offsetof(struct tls_settings, protocols),
    offsetof(struct tls_settings, ciphers),
    offsetof(struct tls_settings, ciphersuites),
    offsetof(struct tls_settings, groups),
    offsetof(struct tls_settings, keylog_file),
    offsetof(struct tls_settings, expected_peer_name),
};

enum { STRING_COUNT = sizeof(strings) / sizeof(strings[0]) };

static char **string_of(struct tls_settings *settings, size_t index)
{
    return (char **)(void *)((char *)settings + strings[index]);
}

struct tls_settings *tls_settings_clone(const struct tls_settings *settings)
{
    struct tls_settings *copy = mem_dup(settings, sizeof(*settings));
    for (size_t i = 0; i < STRING_COUNT; i++) {
        char **string = string_of(copy, i);
        if (*string)
            *string = mem_strdup(*string);
    }
    return copy;
}

void tls_settings_free(struct tls_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < STRING_COUNT; i++) {
        char *string = *string_of(settings, i);
        if (string)
            mem_free_secret(string, strlen(string)); /* two of them are passphrases */
    }
    mem_free(settings);
}

/* -- fingerprints -- */

static void add_file(uint64_t *sum, const char *path)
{
    if (!path)
        return;
    struct buffer content;
    buffer_init_secret(&content, TLS_FILE_SIZE_MAX); /* it may be a key */
    tls_progress_note(path);
    int result = file_read_regular(path, &content);
    tls_progress_note(NULL);
    uint64_t parts[4] = {*sum, (uint64_t)(int64_t)result, hash_bytes(path, strlen(path)),
                         hash_bytes(content.data ? content.data : "", content.size)};
    buffer_deinit(&content);
    *sum = hash_bytes(parts, sizeof(parts));
}

static const struct dirent *next_entry(DIR *directory, const char *folder)
{
    tls_progress_note(folder);
    const struct dirent *entry = readdir(directory); /* NOLINT(concurrency-mt-unsafe): own stream */
    tls_progress_note(NULL);
    return entry;
}

/* The order in which a folder is read is not fixed: its files' sums are added. */
static void add_folder(uint64_t *sum, const char *folder)
{
    if (!folder)
        return;
    tls_progress_note(folder);
    DIR *directory = opendir(folder);
    tls_progress_note(NULL);
    if (!directory)
        return;
    uint64_t files = 0;
    const struct dirent *entry;
    while ((entry = next_entry(directory, folder)) != NULL) {
        char path[4096];
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || size >= (int)sizeof(path))
            continue;
        uint64_t file = 0;
        add_file(&file, path);
        files += file;
    }
    closedir(directory);
    uint64_t parts[2] = {*sum, files};
    *sum = hash_bytes(parts, sizeof(parts));
}

uint64_t tls_settings_trust_fingerprint(const struct tls_settings *settings)
{
    uint64_t sum = 1;
    add_file(&sum, settings->ca_cert_file);
    add_folder(&sum, settings->ca_cert_dir);
    add_file(&sum, settings->crl_file);
    return sum;
}

uint64_t tls_settings_fingerprint(const struct tls_settings *settings)
{
    uint64_t sum = tls_settings_trust_fingerprint(settings);
    add_file(&sum, settings->cert_file);
    add_file(&sum, settings->key_file);
    add_file(&sum, settings->client_cert_file);
    add_file(&sum, settings->client_key_file);
    add_file(&sum, settings->dh_params_file);
    return sum;
}
