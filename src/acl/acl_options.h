/* Options about who may do what. Passwords may come from files or the environment, so that they
 * need not stand in a configuration file; CONFIG REWRITE does not write such a password down. Main
 * thread. */
#ifndef ACL_ACL_OPTIONS_H
#define ACL_ACL_OPTIONS_H

#include "base/option.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stdint.h>

enum { ACL_USER_LINES_MAX = 65536, ACL_PASSWORD_FILE_SIZE_MAX = 64 * 1024 };

enum acl_pubsub_default { ACL_PUBSUB_ALLCHANNELS, ACL_PUBSUB_RESETCHANNELS };

struct acl_user_line {
    char **words; /* after "user": the name, then rules */
    int count;
};

struct acl_settings {
    struct secret *requirepass; /* of the default user; NULL: none */
    char *requirepass_file;     /* where it was read from, or NULL */
    /* As read from there or the environment: never written to a file. */
    struct secret *requirepass_external;
    char *aclfile;
    int acl_pubsub_default; /* enum acl_pubsub_default */
    int64_t acllog_max_len;
    struct acl_user_line *users;
    int user_count;
};

extern const struct option_group acl_options;

/* Without a requirepass so far: takes REDIS_PASSWORD, or the first line of the file that
 * REDIS_PASSWORD_FILE names. Call once after the configuration is loaded. -1 with a reason. */
int acl_options_from_environment(struct acl_settings *settings, struct buffer *error);
/* Users are not served yet: everybody is the default user, with all rights and the password of
 * requirepass. -1 with a reason when the configuration gives that user less, or when a file of
 * users might: a server that is more open than it was told must not start. */
int acl_options_check(const struct acl_settings *settings, struct buffer *error);
/* The user of the system that the server is to run as: the last `user` line of one word, which is
 * no user of Redis (such a line has rules). NULL: whoever started it. */
const char *acl_options_system_user(const struct acl_settings *settings);
/* Whether there are lines about users of Redis. */
bool acl_options_have_users(const struct acl_settings *settings);

#endif
