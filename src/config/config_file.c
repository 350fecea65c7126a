/* Loading: the file with what it includes, then standard input, then the command line. Lines are
 * taken one by one; the first that is refused ends the start with Redis's message.
 *
 * Relative paths of `include` are relative to the working folder at that moment, as in Redis: a
 * `dir` line before them changes it.
 */
#include "config/config_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "config/config_internal.h"
#include "config/config_rewrite.h"

enum { ERROR_LINE_SIZE_MAX = 1024 };

struct loader {
    struct config *config;
    struct buffer *error;
    int first_line; /* number of lines before the text in hand */
    bool is_in_include;
};

static int load_file(struct loader *loader, const char *path);

/* -- messages -- */

static void report(struct loader *loader, int line_number, struct bytes line, bool is_sensitive,
                   const char *reason)
{
    if (loader->error->size > 0) /* an included file has reported already */
        return;
    size_t shown = line.size < ERROR_LINE_SIZE_MAX ? line.size : ERROR_LINE_SIZE_MAX;
    const char *space = memchr(line.data, ' ', line.size);
    if (is_sensitive && space)
        shown = (size_t)(space - line.data);
    buffer_printf(loader->error,
                  "\n*** FATAL CONFIG FILE ERROR (Redis " REDIS_VERSION ") ***\n"
                  "Reading the configuration file, at line %d\n>>> '%.*s%s'\n%s",
                  line_number, (int)shown, line.data, is_sensitive && space ? " (redacted)" : "",
                  reason);
}

static void report_file(struct loader *loader, const char *path, int code)
{
    if (loader->error->size == 0)
        buffer_printf(loader->error, "Fatal error, can't open config file '%s': %s", path,
                      strerror(-code));
}

/* -- one line -- */

/* `include pattern`: every file that matches; without wildcards the file must exist. */
static int include(struct loader *loader, const char *pattern, struct buffer *reason)
{
    struct config *config = loader->config;
    if (config->include_depth >= CONFIG_INCLUDE_DEPTH_MAX) {
        buffer_append_text(reason, "Includes are nested too deeply");
        return -1;
    }
    struct loader inner = {.config = config, .error = loader->error, .is_in_include = true};
    config->include_depth++;
    glob_t found = {0};
    int result = 0;
    bool has_wildcard = strpbrk(pattern, "*?[") != NULL;
    if (!has_wildcard) {
        result = load_file(&inner, pattern);
    } else if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
            result = load_file(&inner, found.gl_pathv[i]);
    }
    if (has_wildcard)
        globfree(&found);
    config->include_depth--;
    return result;
}

static int set_option(struct loader *loader, struct bytes name, int argc, const struct bytes *argv,
                      struct buffer *reason)
{
    struct config *config = loader->config;
    struct config_entry *entry = config_find(config, name);
    if (bytes_is(name, "sentinel")) {
        buffer_append_text(reason, "sentinel directive while not in sentinel mode");
        return -1;
    }
    if (entry && loader->is_in_include)
        entry->is_in_include = true;
    if (config_set(config, name, argc, argv, reason) == 0)
        return 0;
    const char *nearest = entry ? NULL : config_nearest_name(config, name);
    if (nearest)
        buffer_printf(reason, "\ndid you mean '%s'?", nearest);
    return -1;
}

static int load_words(struct loader *loader, int count, char **words, const size_t *sizes,
                      struct buffer *reason)
{
    text_lower(words[0], sizes[0]);
    if (strcmp(words[0], "include") == 0 && count == 2)
        return include(loader, words[1], reason);
    if (count > CONFIG_LINE_ARGS_MAX) {
        buffer_append_text(reason, "too many arguments");
        return -1;
    }
    struct bytes *argv = mem_alloc((size_t)count * sizeof *argv);
    for (int i = 0; i < count; i++)
        argv[i] = bytes_of(words[i], sizes[i]);
    int result = set_option(loader, argv[0], count - 1, argv + 1, reason);
    mem_free(argv);
    return result;
}

static struct bytes trim(struct bytes line)
{
    while (line.size > 0 && strchr(" \t\r\n", line.data[0]) && line.data[0])
        line = bytes_of(line.data + 1, line.size - 1);
    while (line.size > 0 && strchr(" \t\r\n", line.data[line.size - 1]) && line.data[line.size - 1])
        line.size--;
    return line;
}

static int load_line(struct loader *loader, struct bytes line, int line_number)
{
    line = trim(line);
    if (line.size == 0 || line.data[0] == '#')
        return 0;
    char *text = mem_alloc(line.size + 1);
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    int count;
    size_t *sizes = NULL;
    char **words = text_split_args(text, &count, &sizes);
    struct buffer reason;
    buffer_init(&reason, 64 * 1024);
    int result = 0;
    bool is_sensitive = false;
    if (!words) {
        buffer_append_text(&reason, "Unbalanced quotes in configuration line");
        result = -1;
    } else if (count > 0) {
        is_sensitive = config_is_sensitive(loader->config, bytes_of(words[0], sizes[0]));
        result = load_words(loader, count, words, sizes, &reason);
    }
    if (result < 0)
        report(loader, line_number, bytes_of_text(text), is_sensitive,
               reason.data ? reason.data : "");
    buffer_deinit(&reason);
    text_free_args(words, count);
    mem_free(sizes);
    mem_free_secret(text, line.size + 1);
    return result;
}

static int load_text(struct loader *loader, struct bytes text)
{
    int line_number = loader->first_line;
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        line_number++;
        if (load_line(loader, bytes_of(text.data, size), line_number) < 0)
            return -1;
        size_t step = end ? size + 1 : size;
        text = bytes_of(text.data + step, text.size - step);
    }
    loader->first_line = line_number;
    return 0;
}

/* -- whole sources -- */

static int load_file(struct loader *loader, const char *path)
{
    struct buffer content;
    if (++loader->config->include_count > CONFIG_INCLUDE_FILES_MAX) {
        report_file(loader, path, -EMFILE);
        return -1;
    }
    buffer_init_secret(&content, CONFIG_FILE_SIZE_MAX);
    int result = file_read(path, &content);
    if (result < 0)
        report_file(loader, path, result);
    else
        result = load_text(loader, buffer_bytes(&content));
    if (result == 0 && !loader->is_in_include)
        loader->config->file_digest = config_digest(buffer_bytes(&content));
    buffer_deinit(&content);
    return result < 0 ? -1 : 0;
}

static int load_stdin(struct loader *loader)
{
    struct buffer content;
    buffer_init_secret(&content, CONFIG_FILE_SIZE_MAX);
    log_notice("Reading config from stdin");
    int result = file_read("/dev/stdin", &content);
    if (result < 0)
        report_file(loader, "-", result);
    else
        result = load_text(loader, buffer_bytes(&content));
    buffer_deinit(&content);
    return result < 0 ? -1 : 0;
}

static char *absolute_path(const char *path)
{
    char folder[PATH_MAX];
    if (path[0] == '/' || !getcwd(folder, sizeof folder))
        return mem_strdup(path);
    struct buffer out;
    buffer_init(&out, 2 * PATH_MAX);
    buffer_printf(&out, "%s/%s", folder, path);
    return buffer_take(&out);
}

/* What only shows when everything has been read. */
static int check_together(struct config *config, struct buffer *error)
{
    struct buffer primary;
    buffer_init(&primary, CONFIG_VALUE_SIZE_MAX);
    int result = 0;
    if (config_exists(config, BYTES_LITERAL("cluster-enabled")) &&
        config_value(config, "cluster-enabled") &&
        config_get_one(config, BYTES_LITERAL("replicaof"), &primary) == 0 && primary.size > 0) {
        buffer_append_text(error, "\n*** FATAL CONFIG FILE ERROR (Redis " REDIS_VERSION ") ***\n"
                                  "replicaof directive not allowed in cluster mode");
        result = -1;
    }
    buffer_deinit(&primary);
    return result;
}

int config_load(struct config *config, const struct config_source *source, struct buffer *error)
{
    struct loader loader = {.config = config, .error = error};
    assert(!config->path);
    if (source->path) {
        config->path = absolute_path(source->path);
        if (load_file(&loader, config->path) < 0)
            return -1;
    }
    config_remember_file_values(config);
    if (source->reads_stdin && load_stdin(&loader) < 0)
        return -1;
    loader.first_line++; /* Redis puts an empty line before the options */
    if (source->options && load_text(&loader, bytes_of_text(source->options)) < 0)
        return -1;
    return check_together(config, error);
}

const char *config_path(const struct config *config)
{
    return config->path ? config->path : "";
}
