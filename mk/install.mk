# Packages, installation.
PREFIX   ?= /usr/local
PACKAGES := build-essential pkg-config librocksdb-dev libsecp256k1-dev \
            libevent-dev libssl-dev libjansson-dev libinih-dev libcmocka-dev \
            clang clang-format clang-tidy libclang-rt-14-dev curl jq \
            openssl xxd python3 iproute2 faketime spin libcairo2-dev \
            libpango1.0-dev libqpdf-dev libqrencode-dev fonts-wqy-microhei \
            poppler-utils libzbar0

deps: ## install the Debian 12 packages (root or sudo)
	@tools/deps.sh $(PACKAGES)

install: ## install the programs under PREFIX (default /usr/local)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin

.PHONY: deps install
