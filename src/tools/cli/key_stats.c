#include "tools/cli/cli.h"
int key_stats_mode(struct cli *cli)
{
    (void)cli;
    return 1;
}

int live_mode(struct cli *cli)
{
    (void)cli;
    return 1;
}
