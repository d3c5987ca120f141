#!/bin/sh
# Gives camrelay a certificate of Let's Encrypt; certbot calls this whenever it has a new one:
#
#     sudo install -m 755 certbot-hook.sh /usr/local/sbin/camrelay-certificate
#     sudo certbot certonly ... -d relay.example.org --deploy-hook /usr/local/sbin/camrelay-certificate
#
# certbot remembers the hook for this certificate and for no other one of the machine. camrelay is
# started with --certificate-dir /etc/camrelay/certificates.
set -eu

folder=${CERTIFICATES:-/etc/camrelay/certificates}
group=${CERTIFICATES_GROUP:-camrelay} # of the user who runs camrelay
lineage=${RENEWED_LINEAGE:?is set by certbot; by hand: /etc/letsencrypt/live/NAME}

umask 077
name=$(basename "$lineage")
install -d -m 750 -g "$group" "$folder"

# Certificate and key in one file that is replaced atomically: they always match. camrelay ignores
# files that begin with a dot.
new=$(mktemp "$folder/.$name.XXXXXX")
trap 'rm -f "$new"' EXIT
cat "$lineage/fullchain.pem" "$lineage/privkey.pem" > "$new"
chgrp "$group" "$new"
chmod 640 "$new"
mv -f "$new" "$folder/$name.pem"

# camrelay notices the file by itself within seconds. If it is not running, this does nothing.
systemctl try-reload-or-restart camrelay.service
