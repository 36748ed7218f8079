#!/bin/sh
# In QEMU's place while the site is made: keeps the kernel that was to boot, as $KEPT. Whatever else
# run.sh asks of QEMU is for $QEMU itself, named again as $REAL_QEMU.
case " $* " in
*" -kernel "*) ;;
*) exec "$REAL_QEMU" "$@" ;;
esac
while [ $# -gt 0 ]; do
    [ "$1" != -kernel ] || cp "$2" "$KEPT"
    shift
done
