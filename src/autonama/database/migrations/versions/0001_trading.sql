-- The tables of results. The first two are those that the older scripts made, column for column; where they are
-- there already they stay, with their rows.

CREATE TABLE IF NOT EXISTS trading.alerts (
    id SERIAL PRIMARY KEY,
    symbol VARCHAR(20) NOT NULL,
    interval VARCHAR(10) NOT NULL,
    signal VARCHAR(10) NOT NULL,
    current_price NUMERIC(20,8),
    upper_band NUMERIC(20,8),
    lower_band NUMERIC(20,8),
    potential_return NUMERIC(10,4),
    total_return NUMERIC(10,4),
    sharpe_ratio NUMERIC(10,4),
    max_drawdown NUMERIC(10,4),
    degree INTEGER,
    kstd NUMERIC(5,2),
    analysis_date TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

CREATE TABLE IF NOT EXISTS trading.vectorbt_analysis (
    id SERIAL PRIMARY KEY,
    symbol VARCHAR(20) NOT NULL,
    interval VARCHAR(10) NOT NULL,
    analysis_date TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    current_price NUMERIC(20,8),
    lower_band NUMERIC(20,8),
    upper_band NUMERIC(20,8),
    signal VARCHAR(10),
    potential_return NUMERIC(10,4),
    total_return NUMERIC(10,4),
    sharpe_ratio NUMERIC(10,4),
    max_drawdown NUMERIC(10,4),
    degree INTEGER,
    kstd NUMERIC(5,2),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

CREATE TABLE trading.enhanced_analysis (
    id SERIAL PRIMARY KEY,
    symbol VARCHAR(20) NOT NULL,
    interval VARCHAR(10) NOT NULL,
    analysis_date TIMESTAMPTZ NOT NULL,
    current_price NUMERIC(20,8) NOT NULL,
    lower_band NUMERIC(20,8),
    upper_band NUMERIC(20,8),
    signal VARCHAR(10) NOT NULL,
    potential_return NUMERIC(10,4),
    degree INTEGER,
    kstd NUMERIC(5,2),
    price_change_24h NUMERIC(20,8),
    volatility NUMERIC(20,8),
    trend VARCHAR(10),
    support_level NUMERIC(20,8),
    resistance_level NUMERIC(20,8),
    volume_ratio NUMERIC(20,8),
    regression_line NUMERIC(20,8),
    signal_strength NUMERIC(10,4),
    risk_level VARCHAR(10),
    band_width NUMERIC(20,8),
    data_points INTEGER,
    analysis_period_days INTEGER,
    technical_indicators JSONB,
    confirmations JSONB,
    engine VARCHAR(50) NOT NULL DEFAULT 'enhanced',
    file_id BIGINT REFERENCES ingestion.files,
    row_number INTEGER,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE trading.analysis_summary (
    id SERIAL PRIMARY KEY,
    engine VARCHAR(50) NOT NULL,
    file_id BIGINT NOT NULL UNIQUE REFERENCES ingestion.files,
    total_assets_analyzed INTEGER,
    buy_signals INTEGER,
    sell_signals INTEGER,
    hold_signals INTEGER,
    avg_potential_return NUMERIC(20,8),
    high_risk_assets INTEGER,
    analysis_timestamp TIMESTAMPTZ,
    correlation_analysis JSONB,
    correlation_pairs JSONB GENERATED ALWAYS AS (correlation_analysis -> 'high_correlation_pairs') STORED,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
