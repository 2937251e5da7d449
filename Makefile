# alertbridge. `make` alone says what there is to make.
.DEFAULT_GOAL := help
.PHONY: help run test explore simulate simulate-mutants lint cover bench-guard bench engines trace trace-mutants sam validate template pictures size fuzz ci build clean

# The architecture of the functions: arm64 or x86_64, as the template's parameter Architecture has it. `sam build` does
# not hand that one to make, so whoever deploys for x86_64 says both: LAMBDA_ARCH=x86_64 sam build.
LAMBDA_ARCH ?= arm64
GOARCH_arm64 := arm64
GOARCH_x86_64 := amd64
LAMBDA_GOARCH = $(or $(GOARCH_$(LAMBDA_ARCH)),$(error LAMBDA_ARCH is $(LAMBDA_ARCH); it must be arm64 or x86_64))

# What a function is built with. The two tags and nothing else keep the linker's dead-code elimination: .ci/size holds
# the result. No path, time or commit goes in, so that the same source gives the same bytes everywhere.
FUNCTION_BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_GOARCH) go build -trimpath -buildvcs=false \
	-tags '$(TAGS)' -ldflags '$(LDFLAGS)'
TAGS = lambda.norpc,grpcnotrace
LDFLAGS = -s -w

TIME ?= 15s

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

run: ## Run the whole pipeline here, with a stand-in for the Agent; ARGS="--speed 60" hands flags on
	@go build -o bin/ ./cmd/alertbridge && exec bin/alertbridge run $(ARGS)

test: ## Format, vet and every test that needs nothing but Go
	@.ci/test

explore: ## Dispatcher and scheduler in every order of steps, crashes and lost answers; planted faults
	@go test -timeout 30m ./functions/explore -full

simulate: ## More random worlds than the tests play, from several seeds
	@.ci/simulate

simulate-mutants: ## That the simulator notices mistakes: each of hundreds of small ones (5 min)
	@go run ./.ci/simulate-mutants

lint: ## What linters find beyond that (downloads them once)
	@.ci/lint

cover: ## Which share of each package the tests run, and that it is no less than before
	@.ci/cover

bench-guard: ## That no benchmark is slower than in the parent commit, measured in the same run
	@go run ./.ci/bench-guard

bench: ## How long the compiled functions take to start, and what each setting gives (Linux)
	@.ci/trace-test --bench

engines: ## The queue's and the ledger's tests on real engines (Java, Maven and Cargo, once)
	@.ci/engines-test

trace: ## The compiled functions and a stand-in for the Datadog extension: one trace (Linux)
	@.ci/trace-test

trace-mutants: ## That one trace again, and that its test notices each of a list of faults
	@.ci/trace-test --mutants

sam: ## The template with the real SAM CLI: check, build, run each function (Linux, root or Docker; Python)
	@.ci/sam-test

validate: ## Only check the template (Python)
	@.ci/sam-test --validate

template: ## Translate template.yaml for its test, after it was changed (Python)
	@.ci/template-translate

pictures: ## Draw docs/pictures anew, after the gate, the policy, a scenario there or what is told was changed
	@go build -o bin/ ./cmd/alertbridge
	@for p in storm noise; do \
		bin/alertbridge play docs/pictures/$$p.yaml --expect --picture docs/pictures/$$p.svg >bin/$$p.txt || { tail bin/$$p.txt; exit 1; }; \
	done
	@go test . -run TestPictureOfWhatIsTold -draw

size: ## The functions' size, what the linker kept, and that a build can be repeated
	@.ci/size

fuzz: ## Every fuzz test, TIME=15s each
	@.ci/fuzz $(TIME)

ci: ## All of the above but bench, as it runs before anything lands
	@.ci/run

build: ## The functions for LAMBDA_ARCH=arm64 and the command alertbridge, into bin/
	@$(MAKE) --no-print-directory build-IngestFunction ARTIFACTS_DIR=bin/ingest
	@$(MAKE) --no-print-directory build-DispatcherFunction ARTIFACTS_DIR=bin/dispatcher
	@$(MAKE) --no-print-directory build-SchedulerFunction ARTIFACTS_DIR=bin/scheduler
	@$(MAKE) --no-print-directory build-OutcomeFunction ARTIFACTS_DIR=bin/outcome
	go build -trimpath -o bin/ ./cmd/alertbridge

clean: ## Remove what was built
	rm -rf bin .aws-sam

# `sam build` makes build-<the function's name in template.yaml>, with ARTIFACTS_DIR for what is to be uploaded. Those that
# decide read the policy beside their binary, so the policy.yaml of this folder is what is deployed, if it can be read: a
# function that cannot would not start.
.PHONY: build-IngestFunction build-DispatcherFunction build-SchedulerFunction build-OutcomeFunction
build-IngestFunction: FUNCTION = ingest
build-DispatcherFunction: FUNCTION = dispatcher
build-SchedulerFunction: FUNCTION = scheduler
build-OutcomeFunction: FUNCTION = outcome
build-DispatcherFunction build-SchedulerFunction build-OutcomeFunction: POLICY = policy.yaml
build-IngestFunction build-DispatcherFunction build-SchedulerFunction build-OutcomeFunction:
	@test -n '$(ARTIFACTS_DIR)' || { echo 'ARTIFACTS_DIR is not set; make build sets it'; exit 1; }
	$(FUNCTION_BUILD) -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(FUNCTION)
	$(if $(POLICY),go run ./cmd/alertbridge policy check '$(POLICY)' && cp '$(POLICY)' '$(ARTIFACTS_DIR)/policy.yaml')
