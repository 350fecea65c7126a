/* Shared by the files of DEBUG. Main thread. */
#ifndef COMMANDS_DEBUG_INTERNAL_H
#define COMMANDS_DEBUG_INTERNAL_H

struct call;

struct debug_row {
    const char *name; /* NULL ends a table */
    int argc_min;     /* of the whole command */
    int argc_max;
    void (*run)(struct call *call);
};

/* About keys and tables: debug_keys.c. */
extern const struct debug_row debug_key_rows[];
/* About the process: debug_process.c. */
extern const struct debug_row debug_process_rows[];

#endif
