-- The order system as its own application (an ORM) would have made it.

create type transaction_type as enum ('SALE', 'PURCHASE');
create type payment_type_name as enum ('SALES_RECEIPT', 'SALES_REFUND', 'PURCHASE_PAYMENT', 'PURCHASE_REFUND');

create table department (
    department_id serial primary key,
    department_name text not null,
    location text,
    manager text,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table staff (
    staff_id serial primary key,
    first_name text not null,
    last_name text not null,
    department_id integer not null references department,
    email_address text not null,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table address (
    address_id serial primary key,
    address_line_1 text not null,
    address_line_2 text,
    district text,
    city text not null,
    postal_code text not null,
    country text not null,
    phone text not null,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table currency (
    currency_id serial primary key,
    currency_code varchar(3) not null,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table counterparty (
    counterparty_id serial primary key,
    counterparty_legal_name text not null,
    legal_address_id integer not null references address,
    commercial_contact text,
    delivery_contact text,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table design (
    design_id serial primary key,
    created_at timestamp(3) not null default current_timestamp,
    design_name text not null,
    file_location text not null,
    file_name text not null,
    last_updated timestamp(3) not null
);

create table payment_type (
    payment_type_id serial primary key,
    payment_type_name payment_type_name not null,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table sales_order (
    sales_order_id serial primary key,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null,
    design_id integer not null references design,
    staff_id integer not null references staff,
    counterparty_id integer not null references counterparty,
    units_sold integer not null,
    unit_price numeric(10, 2) not null,
    currency_id integer not null references currency,
    agreed_delivery_date text not null,
    agreed_payment_date text not null,
    agreed_delivery_location_id integer not null references address
);

create table purchase_order (
    purchase_order_id serial primary key,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null,
    staff_id integer not null references staff,
    counterparty_id integer not null references counterparty,
    item_code text not null,
    item_quantity integer not null,
    item_unit_price numeric(10, 2) not null,
    currency_id integer not null references currency,
    agreed_delivery_date text not null,
    agreed_payment_date text not null,
    agreed_delivery_location_id integer not null references address
);

create table transaction (
    transaction_id serial primary key,
    transaction_type transaction_type not null,
    sales_order_id integer unique references sales_order,
    purchase_order_id integer unique references purchase_order,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null
);

create table payment (
    payment_id serial primary key,
    created_at timestamp(3) not null default current_timestamp,
    last_updated timestamp(3) not null,
    transaction_id integer not null unique references transaction,
    counterparty_id integer not null references counterparty,
    payment_amount numeric(10, 2) not null,
    currency_id integer not null references currency,
    payment_type_id integer not null references payment_type,
    paid boolean not null,
    payment_date text not null,
    company_ac_number integer not null,
    counterparty_ac_number integer not null
);

-- What the application's own tool keeps beside its tables; no business of a pipeline.
create table _prisma_migrations (
    id varchar(36) primary key,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
);

insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
values ('0a7b3c1e-6f1d-4b52-9d43-5f0c2e8a9b10', repeat('0', 64), '20221103141500_init', now(), 1);

-- The simulator's own: what is still to happen. Not in public, so that nobody takes it for the order system's.
create schema simulator;

create table simulator.world (past text not null, seed bigint not null, began timestamp(3) not null, clock timestamp(3) not null);

create table simulator.backlog (
    id bigserial primary key,
    at timestamp(3) not null,
    live boolean not null,
    steps jsonb not null
);
