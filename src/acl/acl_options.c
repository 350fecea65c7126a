/* The table of access control options, and where passwords may come from. */
#include "acl/acl_options.h"

#include <limits.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/option_rows.h"
#include "base/process.h"
#include "base/text.h"

static const struct option_name pubsub_default_names[] = {
    {"allchannels", ACL_PUBSUB_ALLCHANNELS},
    {"resetchannels", ACL_PUBSUB_RESETCHANNELS},
    {NULL, 0},
};

static void free_secret(char *text)
{
    if (text)
        mem_free_secret(text, strlen(text));
}

static char *copy_bytes(struct bytes bytes)
{
    char *text = mem_calloc(bytes.size + 1, 1);
    memcpy(text, bytes.data, bytes.size);
    return text;
}

/* -- passwords from elsewhere -- */

static void take_password(struct acl_settings *acl, struct bytes password)
{
    secret_free(acl->requirepass);
    secret_free(acl->requirepass_external);
    acl->requirepass = secret_create(password);
    acl->requirepass_external = secret_create(password);
}

/* The file's first line. */
static int read_password(struct acl_settings *acl, const char *path, struct buffer *error)
{
    struct buffer content;
    buffer_init_secret(&content, ACL_PASSWORD_FILE_SIZE_MAX);
    int result = file_read(path, &content);
    if (result < 0) {
        buffer_printf(error, "Can't read the password file '%s': %s", path, strerror(-result));
    } else {
        size_t size = strcspn(content.data, "\r\n");
        if (size == 0 || memchr(content.data, '\0', size)) {
            buffer_printf(error, "The password file '%s' holds no password in its first line",
                          path);
            result = -1;
        } else {
            take_password(acl, bytes_of(content.data, size));
        }
    }
    buffer_deinit(&content);
    return result < 0 ? -1 : 0;
}

static int set_password_file(void *settings, int argc, const struct bytes *argv,
                             struct buffer *error)
{
    struct acl_settings *acl = settings;
    if (argc == 0) {
        mem_free(acl->requirepass_file);
        secret_free(acl->requirepass_external);
        acl->requirepass_file = NULL;
        acl->requirepass_external = NULL;
        return 0;
    }
    if (argc != 1) {
        buffer_append_text(error, "wrong number of arguments");
        return -1;
    }
    mem_free(acl->requirepass_file);
    acl->requirepass_file = argv[0].size ? copy_bytes(argv[0]) : NULL;
    return acl->requirepass_file ? read_password(acl, acl->requirepass_file, error) : 0;
}

static void get_password_file(const void *settings, struct buffer *out)
{
    const struct acl_settings *acl = settings;
    buffer_append_text(out, acl->requirepass_file ? acl->requirepass_file : "");
}

int acl_options_from_environment(struct acl_settings *settings, struct buffer *error)
{
    const char *password = getenv("REDIS_PASSWORD");
    const char *path = getenv("REDIS_PASSWORD_FILE");
    if (settings->requirepass)
        return 0;
    if (password && *password) {
        take_password(settings, bytes_of_text(password));
        return 0;
    }
    return path && *path ? read_password(settings, path, error) : 0;
}

/* A password that came from a file or the environment is not put into the configuration file. */
static void rewrite_requirepass(const void *settings, const char *name, struct buffer *out)
{
    const struct acl_settings *acl = settings;
    bool is_external =
        acl->requirepass && acl->requirepass_external &&
        bytes_equal(secret_bytes(acl->requirepass), secret_bytes(acl->requirepass_external));
    if (is_external || (!acl->requirepass && !acl->requirepass_external))
        return;
    buffer_printf(out, "%s ", name);
    text_quote(out, secret_bytes(acl->requirepass));
    buffer_append_text(out, "\n");
}

/* -- user <name> <rule>...: kept as words; the ACL module reads them when it exists -- */

static void clear_users(struct acl_settings *acl)
{
    for (int i = 0; i < acl->user_count; i++) {
        for (int j = 0; j < acl->users[i].count; j++)
            free_secret(acl->users[i].words[j]);
        mem_free(acl->users[i].words);
    }
    mem_free(acl->users);
    acl->users = NULL;
    acl->user_count = 0;
}

static int add_user(void *settings, int argc, const struct bytes *argv, struct buffer *error)
{
    struct acl_settings *acl = settings;
    if (argc == 0) {
        clear_users(acl);
        return 0;
    }
    if (acl->user_count == ACL_USER_LINES_MAX) {
        buffer_append_text(error, "Too many users");
        return -1;
    }
    int count = acl->user_count;
    if ((count & (count - 1)) == 0)
        acl->users = mem_realloc(acl->users, (size_t)(count ? count * 2 : 1) * sizeof *acl->users);
    struct acl_user_line *line = &acl->users[acl->user_count++];
    line->count = argc;
    line->words = mem_alloc((size_t)argc * sizeof *line->words);
    for (int i = 0; i < argc; i++)
        line->words[i] = copy_bytes(argv[i]);
    return 0;
}

/* A rule that gives what the default user has: all rights; no password, or that of requirepass, as
 * CONFIG REWRITE of Redis writes it down. */
static bool is_served_rule(const char *rule, bool has_password)
{
    static const char *const served[] = {
        "on",          "~*",    "allkeys",        "&*",
        "allchannels", "+@all", "allcommands",    "sanitize-payload",
        "resetpass",   "reset", "clearselectors", "skip-sanitize-payload",
    };
    if (strcmp(rule, "nopass") == 0)
        return !has_password;
    if (rule[0] == '#' || rule[0] == '>')
        return has_password;
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++)
        if (strcasecmp(rule, served[i]) == 0)
            return true;
    return false;
}

static bool names_system_user(const struct acl_user_line *line)
{
    return line->count == 1 && strcmp(line->words[0], "default") != 0;
}

const char *acl_options_system_user(const struct acl_settings *settings)
{
    for (int i = settings->user_count - 1; i >= 0; i--)
        if (names_system_user(&settings->users[i]))
            return settings->users[i].words[0];
    return NULL;
}

bool acl_options_have_users(const struct acl_settings *settings)
{
    for (int i = 0; i < settings->user_count; i++)
        if (!names_system_user(&settings->users[i]))
            return true;
    return false;
}

int acl_options_check(const struct acl_settings *settings, struct buffer *error)
{
    const char *name = acl_options_system_user(settings);
    if (name && !process_has_user(name)) {
        buffer_printf(error,
                      "'user %s': a line without rules names the user of the system that "
                      "the server runs as, and there is none of that name",
                      name);
        return -1;
    }
    if (settings->aclfile) {
        buffer_append_text(error, "'aclfile': users are not served yet, and the file might give "
                                  "the default user less than everything");
        return -1;
    }
    for (int i = 0; i < settings->user_count; i++) {
        const struct acl_user_line *line = &settings->users[i];
        if (line->count == 0 || strcmp(line->words[0], "default") != 0)
            continue;
        for (int j = 1; j < line->count; j++)
            if (!is_served_rule(line->words[j], settings->requirepass != NULL)) {
                buffer_append_text(error, "'user default': users are not served yet, and this "
                                          "line gives the default user less than everything, "
                                          "or a password (which requirepass can give)");
                return -1;
            }
    }
    return 0;
}

static const struct option rows[] = {
    OPTION_ROW_SECRET(acl_settings, requirepass, "requirepass", NULL, 0, rewrite_requirepass),
    OPTION_ROW_CUSTOM("requirepass-file", NULL, OPTION_IMMUTABLE | OPTION_REPEATED, NULL,
                      set_password_file, get_password_file, NULL),
    OPTION_ROW_STRING(acl_settings, aclfile, "aclfile", NULL, OPTION_IMMUTABLE, "", NULL),
    OPTION_ROW_ENUM(acl_settings, acl_pubsub_default, "acl-pubsub-default", 0, "resetchannels",
                    pubsub_default_names),
    OPTION_ROW_INT(acl_settings, acllog_max_len, "acllog-max-len", NULL, 0, "128", 0, LONG_MAX),
    OPTION_ROW_CUSTOM("user", NULL, OPTION_IMMUTABLE | OPTION_REPEATED | OPTION_SENSITIVE, NULL,
                      add_user, NULL, NULL),
};

OPTION_GROUP(acl_options, "acl", rows, NULL);
