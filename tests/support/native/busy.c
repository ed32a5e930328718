/* A program for containers: it takes some memory, and works without end; a copy of it rests. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char *taken = malloc(24 << 20);
    if (taken == NULL)
        return 1;
    memset(taken, 1, 24 << 20);
    if (fork() == 0)
        for (;;)
            pause();
    for (volatile unsigned long turns = 0;; turns++)
        continue;
}
